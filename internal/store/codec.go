package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/http"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// What is not searched by SQLite is kept in one compact value, the record of a
// delivery or of an attempt:
//
//	version      1 byte, recordVersion
//	fields       in a fixed order, see encodeDelivery and encodeAttempt;
//	             a text is its length as uvarint and its bytes,
//	             a time is its seconds since 1970 as varint and its
//	             nanoseconds as uvarint
//	header       uvarint number of lines, then for each a name and a text;
//	             a name is a uvarint: 0 and a text, or an index of
//	             commonNames counted from 1; lines of a name keep their order
//	check        4 bytes, CRC-32C of all bytes before and of the bytes that
//	             stand in columns of their own (see sealed)
//
// A field that is added later goes before the header under a new version.
const recordVersion = 1

// errRecord says that a record does not read back.
var errRecord = errors.New("record is damaged")

// commonNames are header names that take one byte. The position of a name is
// part of the format: names are only ever added at the end.
func commonNames() []string {
	return []string{
		"Accept", "Accept-Encoding", "Content-Length", "Content-Type", "Host", "User-Agent", "Connection", "Date",
		"X-Canvelete-Signature", "X-Signature", "X-Webhook-Signature", "X-Sketchpen-Signature", "X-Sketchpen-Timestamp",
		"Webhook-Id", "Webhook-Signature", "Webhook-Timestamp", "Stripe-Signature", "X-Hub-Signature", "X-Hub-Signature-256",
		"X-Github-Event", "X-Github-Delivery", "X-Github-Hook-Id", "X-Shopify-Topic", "X-Shopify-Hmac-Sha256",
		"X-Slack-Signature", "X-Slack-Request-Timestamp", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
		"X-Request-Id", "Traceparent", "Accept-Language", "Cache-Control", "Transfer-Encoding", "Via", "Forwarded",
		"Authorization", "Cookie", "Set-Cookie", "Server", "Vary", "Etag", "Location", "X-Content-Type-Options", "X-Powered-By",
	}
}

// A dictionary turns header names into numbers and back.
type dictionary struct {
	names   []string
	numbers map[string]uint64
}

func newDictionary() *dictionary {
	d := &dictionary{names: commonNames()}
	d.numbers = make(map[string]uint64, len(d.names))
	for i, name := range d.names {
		d.numbers[name] = uint64(i) + 1
	}
	return d
}

// A writer builds a record.
type recordWriter struct {
	dict *dictionary
	b    []byte
}

func (w *recordWriter) uint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }

func (w *recordWriter) int(n int64) { w.b = binary.AppendVarint(w.b, n) }

func (w *recordWriter) text(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *recordWriter) texts(list []string) {
	w.uint(uint64(len(list)))
	for _, s := range list {
		w.text(s)
	}
}

func (w *recordWriter) time(t time.Time) {
	w.int(t.Unix())
	w.uint(uint64(t.Nanosecond()))
}

func (w *recordWriter) header(h http.Header) {
	names, lines := make([]string, 0, len(h)), 0
	for name, values := range h {
		names, lines = append(names, name), lines+len(values)
	}
	slices.Sort(names)
	w.uint(uint64(lines))
	for _, name := range names {
		for _, value := range h[name] {
			number := w.dict.numbers[name]
			w.uint(number)
			if number == 0 {
				w.text(name)
			}
			w.text(value)
		}
	}
}

// sealed returns the record with its check, which also covers beside.
func (w *recordWriter) sealed(beside ...[]byte) []byte {
	return binary.BigEndian.AppendUint32(w.b, checkOf(w.b, beside))
}

func checkOf(b []byte, beside [][]byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli) // made once by the library
	sum := crc32.Update(0, table, b)
	for _, x := range beside {
		sum = crc32.Update(sum, table, x)
	}
	return sum
}

// A recordReader takes a record apart. The first thing that does not fit sets
// err, and everything read afterwards is zero.
type recordReader struct {
	dict *dictionary
	b    []byte
	err  error
}

// openRecord checks a record as a whole; fields are then read in order.
func openRecord(dict *dictionary, b []byte, beside ...[]byte) (*recordReader, error) {
	n := len(b) - 4
	if n < 1 || binary.BigEndian.Uint32(b[n:]) != checkOf(b[:n], beside) {
		return nil, errRecord
	}
	if b[0] != recordVersion {
		return nil, errRecord
	}
	return &recordReader{dict: dict, b: b[1:n]}, nil
}

func (r *recordReader) fail() { r.b, r.err = nil, errRecord }

func (r *recordReader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *recordReader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *recordReader) text() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// count reads how many items follow; each of them takes a byte at least.
func (r *recordReader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *recordReader) texts() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		list = append(list, r.text())
	}
	return list
}

func (r *recordReader) time() time.Time {
	seconds, nanoseconds := r.int(), r.uint()
	if nanoseconds >= uint64(time.Second) {
		r.fail()
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanoseconds)).UTC()
}

func (r *recordReader) header() http.Header {
	n := r.count()
	h := make(http.Header, min(n, 64))
	for range n {
		number := r.uint()
		if number > uint64(len(r.dict.names)) {
			r.fail()
			return nil
		}
		var name string
		if number == 0 {
			name = r.text()
		} else {
			name = r.dict.names[number-1]
		}
		h[name] = append(h[name], r.text())
	}
	return h
}

// end reports whether everything fitted and nothing is left.
func (r *recordReader) end() error {
	if r.err == nil && len(r.b) != 0 {
		r.err = errRecord
	}
	return r.err
}

// The first byte of a delivery's flags: which shortcuts were taken.
const (
	urlEndsInTarget = 1 << iota // the URL is its first part, then path and query
	hasRedacted
)

// encodeDelivery writes what a delivery is when it arrives. Its id, its body
// and what happens to it later stand in columns and tables of their own.
func encodeDelivery(dict *dictionary, d *webhook.Delivery, id []byte) []byte {
	w := &recordWriter{dict: dict, b: make([]byte, 0, 512)}
	w.b = append(w.b, recordVersion)
	flags, url := uint64(0), d.URL
	if target := targetOf(d); target != "" && len(url) >= len(target) && url[len(url)-len(target):] == target {
		flags, url = flags|urlEndsInTarget, url[:len(url)-len(target)]
	}
	if len(d.Redacted) > 0 {
		flags |= hasRedacted
	}
	w.uint(flags)
	w.time(d.ReceivedAt)
	for _, s := range []string{
		string(d.Direction), d.EventID, d.EventType, d.Provider, d.Method, url, d.Path, d.Query, d.Proto, d.RemoteAddr,
		string(d.Verification.Status), string(d.Verification.Reason), d.Verification.Scheme, d.Verification.SecretName,
	} {
		w.text(s)
	}
	if len(d.Redacted) > 0 {
		w.texts(d.Redacted)
	}
	w.header(d.Header)
	return w.sealed(id)
}

func targetOf(d *webhook.Delivery) string {
	if d.Query == "" {
		return d.Path
	}
	return d.Path + "?" + d.Query
}

// decodeDelivery reads what encodeDelivery wrote for the same id.
func decodeDelivery(dict *dictionary, b, id []byte) (*webhook.Delivery, error) {
	r, err := openRecord(dict, b, id)
	if err != nil {
		return nil, err
	}
	flags := r.uint()
	d := &webhook.Delivery{ReceivedAt: r.time()}
	var direction, status, reason string
	for _, field := range []*string{
		&direction, &d.EventID, &d.EventType, &d.Provider, &d.Method, &d.URL, &d.Path, &d.Query, &d.Proto, &d.RemoteAddr,
		&status, &reason, &d.Verification.Scheme, &d.Verification.SecretName,
	} {
		*field = r.text()
	}
	d.Direction = webhook.Direction(direction)
	d.Verification.Status, d.Verification.Reason = webhook.Status(status), webhook.Reason(reason)
	if flags&urlEndsInTarget != 0 {
		d.URL += targetOf(d)
	}
	if flags&hasRedacted != 0 {
		d.Redacted = r.texts()
	}
	d.Header = r.header()
	if err := r.end(); err != nil {
		return nil, err
	}
	return d, nil
}

// encodeAttempt writes an attempt without its number and the body of its
// answer, which stand beside it. The number is known when it is sealed.
func encodeAttempt(dict *dictionary, a *webhook.Attempt) *recordWriter {
	w := &recordWriter{dict: dict, b: make([]byte, 0, 256)}
	w.b = append(w.b, recordVersion)
	w.time(a.At)
	w.int(int64(a.Duration))
	w.text(a.URL)
	w.text(a.Err)
	if a.Response == nil {
		w.uint(0)
		return w
	}
	w.uint(uint64(max(a.Response.Status, 0)) + 1)
	w.header(a.Response.Header)
	return w
}

// decodeAttempt reads what encodeAttempt wrote.
func decodeAttempt(dict *dictionary, number int, b, body []byte) (webhook.Attempt, error) {
	r, err := openRecord(dict, b, body, numberBytes(number))
	if err != nil {
		return webhook.Attempt{}, err
	}
	a := webhook.Attempt{Number: number, At: r.time(), Duration: time.Duration(r.int()), URL: r.text(), Err: r.text()}
	if status := r.uint(); status > 0 {
		a.Response = &webhook.Response{Status: int(status - 1), Header: r.header(), Body: body}
	}
	if err := r.end(); err != nil {
		return webhook.Attempt{}, err
	}
	return a, nil
}

// encodeAnswer writes the status that a delivery was answered with.
func encodeAnswer(status int) []byte {
	w := &recordWriter{b: []byte{recordVersion}}
	w.uint(uint64(max(status, 0)))
	return w.sealed()
}

// decodeAnswer reads what encodeAnswer wrote.
func decodeAnswer(b []byte) (int, error) {
	r, err := openRecord(nil, b)
	if err != nil {
		return 0, err
	}
	status := int(r.uint())
	return status, r.end()
}

func numberBytes(n int) []byte { return binary.AppendVarint(nil, int64(n)) }

// bodySum is what stands in the column sum: the SHA-256 of the body, then four
// bytes that cover what was only known when the delivery was inserted.
func bodySum(sum [sha256.Size]byte, answer *int64, first []byte) []byte {
	return binary.BigEndian.AppendUint32(sum[:], lateSum(answer, first))
}

func lateSum(answer *int64, first []byte) uint32 {
	late := []byte{0}
	if answer != nil {
		late = binary.AppendVarint([]byte{1}, *answer)
	}
	return checkOf(late, [][]byte{first})
}

// checkSum compares a body and what came late with their sum.
func checkSum(stored, body []byte, answer *int64, first []byte) error {
	if !bytes.Equal(stored, bodySum(sha256.Sum256(body), answer, first)) {
		return errors.New("its body is not what was stored")
	}
	return nil
}
