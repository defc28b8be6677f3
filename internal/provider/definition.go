package provider

import (
	"time"

	"github.com/hooks-cli/hooks/internal/scheme"
)

// A definition is a provider as its YAML file states it. Names that begin with
// "x-" or "_" are anybody's own and are passed over, in every mapping.
//
// A fact that stands where a scheme.Fact is may also be written
// {value: …, assumed: true, source: …}; assumed marks what no source states.
type definition struct {
	ID      string `yaml:"id"` // lower-case letters, digits and "-"
	Name    string `yaml:"name"`
	Rank    int    `yaml:"rank"` // the smaller, the sooner an event's name means this provider; 1000 if left out
	Group   string `yaml:"group"`
	Home    string `yaml:"home"`
	Docs    string `yaml:"docs"`
	Checked string `yaml:"checked"` // the day on which the facts were checked
	Note    string `yaml:"note"`

	Schemes    []scheme.Spec     `yaml:"schemes"` // the strongest first; none if nothing is signed
	Event      eventPlaces       `yaml:"event"`
	Recognise  recogniseRule     `yaml:"recognise"`
	Request    requestForm       `yaml:"request"`
	Delivery   deliveryRules     `yaml:"delivery"`
	Handshakes []handshake       `yaml:"handshakes"`
	Values     map[string]string `yaml:"values"` // named texts for samples, made fresh for each event
	Events     []eventDefinition `yaml:"events"`

	SDK     []string `yaml:"sdk"`     // libraries that verify, such as "npm stripe: webhooks.constructEvent"
	Sources []string `yaml:"sources"` // where the facts are from
}

// eventPlaces says where a request shows the facts about its event. Each is a
// place or a template of package scheme, or a list of which the first that is
// there counts.
type eventPlaces struct {
	ID   []string `yaml:"id"` // left out if events have no id
	Type []string `yaml:"type"`
	Time []string `yaml:"time"`
	// IDForm makes the id of a sample.
	IDForm string `yaml:"id_form"`
	// Order is the place of what tells the order of events, if deliveries may
	// overtake one another.
	Order string `yaml:"order"`
}

// recogniseRule says how a request of the provider is told from others,
// besides the header of its signature.
type recogniseRule struct {
	// Headers have to be there, each with a value that fits its pattern, in
	// which * stands for anything.
	Headers map[string]string `yaml:"headers"`
	// Body lists paths that every body has. It decides where the header of the
	// signature is shared.
	Body []string `yaml:"body"`
	// Shared says that providers outside of this catalogue use the same header.
	Shared bool `yaml:"shared"`
}

// requestForm is what the provider sends besides the event itself.
type requestForm struct {
	Method      string            `yaml:"method"`       // POST if left out
	ContentType string            `yaml:"content_type"` // application/json if left out
	Headers     map[string]string `yaml:"headers"`      // as templates of samples
	// JSON is how the provider spaces JSON: compact (if left out), spaced (", "
	// and ": "), indent2, indent4, tabs, or verbatim (as the samples stand).
	JSON string `yaml:"json"`
	// Escape lists what it escapes in strings that it need not: slash,
	// unicode, html.
	Escape []string `yaml:"escape"`
	// End is the white space that follows the JSON of a body: "\r\n".
	End string `yaml:"end"`
}

// deliveryRules are how the provider delivers.
type deliveryRules struct {
	Path    scheme.Fact[string]        `yaml:"path"` // usual path of a receiver
	Timeout scheme.Fact[time.Duration] `yaml:"timeout"`
	// Schedule is how long the provider waits before each attempt, the first
	// one included.
	Schedule scheme.Fact[[]time.Duration] `yaml:"schedule"`
	// Success and Stop are statuses: 200, 2xx, 200-302. What is no success is
	// tried again, unless it is a Stop.
	Success scheme.Fact[[]string] `yaml:"success"`
	Stop    scheme.Fact[[]string] `yaml:"stop"`
	// Retries is what is known about retries beyond the schedule, in words.
	Retries string `yaml:"retries"`
	// RetryAfter says that the provider honours Retry-After.
	RetryAfter bool   `yaml:"retry_after"`
	Source     string `yaml:"source"`
}

// An eventDefinition is one type of event with a sample: JSON, the fields of a
// form, or text of another kind.
type eventDefinition struct {
	Type      string            `yaml:"type"`
	Summary   string            `yaml:"summary"`
	Sample    string            `yaml:"sample"`
	Form      formSample        `yaml:"form"`
	Text      string            `yaml:"text"`
	Headers   map[string]string `yaml:"headers"`
	Values    map[string]string `yaml:"values"`
	Source    string            `yaml:"source"`
	Synthetic bool              `yaml:"synthetic"` // the sample's shape is ours, in the provider's style
}

// A formSample is a mapping whose order counts.
type formSample []formField

type formField struct{ name, value string }

// A handshake is a request with which a provider finds out whether an address
// wants its deliveries, and the answer that it expects. Texts are templates
// of package scheme over the handshake's own request.
type handshake struct {
	Name string `yaml:"name"`
	Note string `yaml:"note"`

	// Method and When say which requests are this handshake: When maps places
	// to patterns with *.
	Method string            `yaml:"method"`
	When   map[string]string `yaml:"when"`
	Signed bool              `yaml:"signed"` // the request is signed as deliveries are
	// Refuse is the status with which a wrongly signed one has to be answered,
	// where the provider tries that as well.
	Refuse int `yaml:"refuse"`
	// Keep is the place of a secret that counts from now on.
	Keep string `yaml:"keep"`
	// Visit is the place of an address that the receiver has to open besides.
	Visit string `yaml:"visit"`
	// Allow lists characters that a challenge may have besides letters, digits
	// and . _ ~ + / = -: space and colon.
	Allow string `yaml:"allow"`

	Status  int               `yaml:"status"` // of the answer, 200 if left out
	Accept  []string          `yaml:"accept"` // what the provider takes for right; Status if left out
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`

	// Send is the request that the provider makes, as templates of samples.
	Send handshakeRequest `yaml:"send"`
}

type handshakeRequest struct {
	Query   formSample        `yaml:"query"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
}
