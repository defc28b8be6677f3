package scheme

import "time"

// A Spec is the declarative form of a signing scheme. The yaml tags are the
// names in a provider definition. Only Algorithm and, for most algorithms,
// Signature.In are required.
//
// # Places
//
// A place says where in a request a value stands:
//
//	header:NAME         a header
//	header:NAME#KEY     one element, KEY=VALUE or KEY:VALUE, of a header that is a list;
//	                    a number counts elements from 0
//	query:NAME          a parameter of the URL
//	form:NAME           a field of a form-encoded body
//	form:NAME#$.PATH    a value in a form field that holds JSON
//	$.PATH, body:$.PATH a value in a JSON body, such as $.data.items[0].id
//	@.PATH              the same within one item, where Each is set
//	jwt:CLAIM           a claim of the JSON web token that is the signature
//	key:PATTERN         the first top-level name in a JSON body that fits PATTERN,
//	                    which may begin or end with *; !NAME is any but NAME
//
// # Templates
//
// A template is text with parts in braces; "{{" and "}}" stand for braces.
// A part is one of these, or a place, and is empty where the request has
// nothing there:
//
//	{body}         the bytes of the body
//	{timestamp}    the timestamp, spelled as in the request
//	{id}           the id of the message, spelled as in the request
//	{method}       POST
//	{url}          the address the provider calls; also {url-base} (without the query),
//	               {origin}, {scheme}, {host}, {path}, {query}, {path-query}
//	{secret}       the secret, decoded
//	{param:NAME}   a further value that is kept with the secret, see Secret.Fields
//	{part:NAME}    an element of the signature's own header, see Signature.Format
//	{signed-headers} the headers that the request itself names as signed, see SignedHeaders
//	{(TEMPLATE)}   a template in a template, so that filters work on the whole
//	{if:PART,…}A{end} A, if one of the parts is not empty
//	{lf}           a line feed
//	{nonce}        32 random hex digits; only in what we set: headers, parts, claims
//
// Filters follow a part after bars and work from left to right:
// {body|sha256|hex}. They are
//
//	md5 sha1 sha256 sha384 sha512          the bytes of a hash
//	hmac-sha1 hmac-sha256 hmac-sha512 …    the bytes of an HMAC with the secret as its key
//	crc32                                  the checksum, in decimal
//	hex hex-upper base64 base64url base64-raw base64url-raw   spelled as text
//	unhex unbase64 unbase64url             and back
//	gunzip                                 what a gzip stream says; anything else as it is
//	lower upper trim                       letter case, white space around
//	json                                   a JSON string, as JSON.stringify writes it
//	compact canonical                      JSON without white space; with its names sorted as well
//	ascii                                  JSON with all but ASCII as \uXXXX
//	encode encode-uri decode               percent-encoding: of everything, as encodeURI does, undone
//	unhtml                                 HTML entities decoded
//	jwt path:$.PATH                        the payload of a JSON web token; a value in JSON text
//	replace:A:B first:N default:TEXT       as named
//
// {form}, {query} and {json} (the top-level fields of a JSON body) are also
// lists of fields, if a filter for lists follows:
//
//	only:A,B except:A,B nonempty           keep some (only also gives the order)
//	sort unique group:SEP                  by name; each value of a name once; values of a name joined
//	encode encode-form                     percent-encode names and values; with + for a space
//	join:KV:SEP values:SEP                 make text: name KV value, SEP between; values alone
//	php                                    make text: PHP's serialize() of an array of strings
//
// In the argument of a filter \n is a line feed and \:, \|, \} are themselves.
type Spec struct {
	Name      string   `yaml:"name"`      // shown in verdicts; the algorithm if left out
	Algorithm string   `yaml:"algorithm"` // see Algorithms
	Content   []string `yaml:"content"`   // template of what is signed, or a list of them; "{body}" if left out
	Join      string   `yaml:"join"`      // stands between the templates of a list
	Sort      bool     `yaml:"sort"`      // the texts of the list are sorted bytewise first

	Signature Signature `yaml:"signature"`
	Timestamp Timestamp `yaml:"timestamp"`
	ID        string    `yaml:"id"` // place of the message id, if one is signed
	Secret    Secret    `yaml:"secret"`

	Each string `yaml:"each"` // path with [*]: every item of the body is signed on its own
	// When lists conditions, place: pattern (with *), under which the scheme is
	// the one that signed. What is not a pattern is set in what we sign.
	When    map[string]string `yaml:"when"`
	Headers map[string]string `yaml:"headers"` // headers that go with the signature, as templates

	Digests       []Digest       `yaml:"digests"`        // hashes of the body that stand elsewhere in the request
	SignedHeaders *SignedHeaders `yaml:"signed_headers"` // the request names the headers that are signed
	JWT           *JWT           `yaml:"jwt"`            // more about a jwt-… algorithm
	Message       *MessageSig    `yaml:"http_message"`   // the signature is an HTTP message signature (RFC 9421)

	// Also says that requests carry this signature beside that of the first
	// scheme.
	Also bool `yaml:"also"`

	Source  string `yaml:"source"`
	Note    string `yaml:"note"`
	Assumed bool   `yaml:"assumed"`
}

// Signature says where a signature stands and how it is spelled.
type Signature struct {
	// In is the place, or several: then the second key signs into the second
	// place, and one right signature is enough. {n} in a header's name counts
	// from 1.
	In []string `yaml:"in"`

	// Format is the whole value as a template of {signature}, {timestamp},
	// {id} and {part:NAME}; "{signature}" if left out, and for basic
	// "Basic {signature}". With Separator it is a
	// list, whose elements may come in any order, among others that are
	// ignored, the signature more than once. Elements without text in front of
	// their part are known by position; the last one may repeat.
	Format    string            `yaml:"format"`
	Separator string            `yaml:"separator"`
	Sets      string            `yaml:"sets"`  // the whole format may repeat, with this between
	Parts     map[string]string `yaml:"parts"` // what {part:NAME} is in what we sign
	Wrap      string            `yaml:"wrap"`  // base64: the whole value is encoded once more

	// Encoding is hex (lower-case), hex-upper, base64, base64-raw (no padding),
	// base64url, base64url-raw, base64-hex (base64 of the hex digits) or plain.
	// Left out: hex, and for key pairs base64.
	Encoding string `yaml:"encoding"`
}

// Timestamp says where the time of signing stands. It is judged only where it
// is signed: in the content, in the body, in the token.
type Timestamp struct {
	// In is its place; left out if it is an element of Signature.Format.
	In string `yaml:"in"`
	// Unit is s, ms, rfc3339, rfc3339ms, rfc3339nano, local-ms (no zone) or
	// s-or-ms (seconds are sent, both are accepted).
	Unit      Fact[string]        `yaml:"unit"`
	Tolerance Fact[time.Duration] `yaml:"tolerance"` // 5m if left out
}

// Secret says what a signing secret looks like and how a key is made of it.
type Secret struct {
	// Encoding is raw (the text is the key), base64, base64url or hex. Keys of
	// a pair are read in every usual form whatever stands here.
	Encoding string `yaml:"encoding"`
	// Prefix is taken off before decoding, if it is there. Of several the
	// first that fits is taken off.
	Prefix []string `yaml:"prefix"`
	// Key is a template that derives the key, such as "{secret|sha1}".
	Key string `yaml:"key"`
	// Fields names further values of the subscription that are signed but are
	// no key, such as an id. A person gives them in lines NAME=VALUE in front
	// of the secret.
	Fields []string `yaml:"fields"`
	// Form is how a new secret looks, as a template of samples in package
	// provider: "whsec_{{alnum 32}}". Left out, one is made that fits Encoding
	// and Prefix.
	Form string `yaml:"form"`
	Env  string `yaml:"env"`  // the variable in which apps usually keep it
	Note string `yaml:"note"` // where a person finds it
}

// A Digest is a hash of the request that stands somewhere in the request
// itself, and has to be right.
type Digest struct {
	In string `yaml:"in"`
	// Value is the template of what has to stand there. Of several the first
	// is sent and each is accepted.
	Value    []string `yaml:"value"`
	List     bool     `yaml:"list"`     // In is a dictionary (RFC 8941) such as Content-Digest
	Optional bool     `yaml:"optional"` // it may be missing
}

// SignedHeaders says how a request names the headers that are signed.
type SignedHeaders struct {
	Names     string   `yaml:"names"`     // place of the list of names
	Separator string   `yaml:"separator"` // between the names; "," if left out
	Send      []string `yaml:"send"`      // the names that we list
	Format    string   `yaml:"format"`    // how one is signed: {name} and {value}; "{value}" if left out
	Join      string   `yaml:"join"`      // between them
}

// JWT says what a JSON web token that is the signature holds.
type JWT struct {
	Claims  []Claim           `yaml:"claims"`
	Header  map[string]string `yaml:"header"` // further fields of the token's header, as templates
	Expires time.Duration     `yaml:"expires"`
	// Wrap makes the body the claims of the token, and sends in its place an
	// object that holds the token.
	Wrap     bool `yaml:"wrap"`
	Detached bool `yaml:"detached"` // the body is the payload, header..signature is sent
	// Unencoded signs the body of a detached token as it is (RFC 7797).
	Unencoded bool `yaml:"unencoded"`
}

// A Claim is one field of a token.
type Claim struct {
	Name  string `yaml:"name"`
	Value string `yaml:"value"` // template; "{timestamp}" alone makes a number, everything else a string
	JSON  bool   `yaml:"json"`  // the template makes JSON
	Check bool   `yaml:"check"` // it has to be there and have this value
}

// MessageSig says what an HTTP message signature (RFC 9421) has to cover.
type MessageSig struct {
	Label      string        `yaml:"label"`      // of the signature that we make, "sig1" if left out; any is accepted unless it is given
	Components []string      `yaml:"components"` // what is covered, such as "@method" and content-digest
	KeyID      string        `yaml:"keyid"`
	Tag        string        `yaml:"tag"`
	Alg        bool          `yaml:"alg"` // the alg parameter is sent
	Nonce      bool          `yaml:"nonce"`
	Expires    time.Duration `yaml:"expires"`
}
