package emulate

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/store"
)

// ExtensionHeader marks an answer that the provider's documentation does not
// have.
const ExtensionHeader = "Hooks-Extension"

// The providers whose APIs are emulated under their own paths.
const (
	genericID   = "generic"
	sketchpenID = "sketchpen"
	canveleteID = "canvelete"
)

// A call is a request to an API, with its body read.
type call struct {
	*http.Request
	w    *answerWriter
	body []byte
	s    *Server
}

// A route is a method and path that is served, and by what.
type route struct {
	provider string // "" for the control API
	pattern  string // as http.ServeMux has it
	extends  bool   // not in the provider's documentation
	serve    func(*call)
}

// routes are all that is served, in the order in which it is told.
func (s *Server) routes() []route {
	all := slices.Concat(s.genericRoutes(), s.sketchpenRoutes(), s.canveleteRoutes(), s.controlRoutes())
	return slices.DeleteFunc(all, func(r route) bool { return r.provider != "" && !s.emulates(r.provider) })
}

// A Route is a path that is served, for being told.
type Route struct {
	Provider  string // "" for the control API
	Method    string
	Path      string
	Extension bool // not in the provider's documentation
}

// Routes returns what can be called.
func (s *Server) Routes() []Route {
	var out []Route
	for _, r := range s.routes() {
		method, path, _ := strings.Cut(r.pattern, " ")
		out = append(out, Route{r.provider, method, path, r.extends})
	}
	return out
}

// handler puts the routes behind what holds for all of them.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		if r.provider != "" && s.limits[r.provider] == nil {
			s.limits[r.provider] = &bucket{rate: s.cfg.RateLimit}
		}
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) { s.serve(w, req, r) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		controlError(w, http.StatusNotFound, "not_found", "nothing is emulated at "+r.Method+" "+safetext.Line(r.URL.Path),
			"GET /_hooks/health lists what is")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answerWriter{ResponseWriter: w}
		h := a.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		begun := s.cfg.Now()
		if !s.allowed(a, r) {
			a.provider = ""
		} else {
			mux.ServeHTTP(a, r)
		}
		s.cfg.Observe(Event{
			Kind: Called, Provider: a.provider, Method: r.Method, Path: r.URL.Path, Status: a.status, Duration: s.cfg.Now().Sub(begun),
		})
	})
}

// serve does what all routes have in common.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, rt route) {
	a := w.(*answerWriter)
	a.provider = rt.provider
	if rt.extends {
		a.Header().Set(ExtensionHeader, "true")
	}
	c := &call{Request: r, w: a, s: s}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		body, release, err := s.cfg.ReadBody(r)
		defer release()
		if err != nil {
			var refusal interface{ Write(http.ResponseWriter) }
			if errors.As(err, &refusal) {
				refusal.Write(a)
				return
			}
			controlError(a, http.StatusBadRequest, "unreadable", "the body cannot be read", "")
			return
		}
		c.body = body
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); len(body) > 0 && (err != nil || kind != "application/json") {
			a.Header().Set(ExtensionHeader, "true")
			controlError(a, http.StatusUnsupportedMediaType, "unsupported_media_type", "the body must be application/json", "add the header Content-Type: application/json")
			return
		}
	}
	rt.serve(c)
}

// allowed keeps pages of a browser away: those that were led here by a name
// that is not ours, and those of another origin.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case !s.hostAllowed(r):
		controlError(w, http.StatusForbidden, "host_not_allowed", "host not allowed", "--public-url URL allows the host of URL")
	case !originAllowed(r):
		controlError(w, http.StatusForbidden, "cross_origin", "cross-origin request refused", "")
	default:
		return true
	}
	return false
}

// hostAllowed says whether Host is this machine, by a name or address that no
// other name server can give away, and the port.
func (s *Server) hostAllowed(r *http.Request) bool {
	if slices.ContainsFunc(s.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, r.Host) }) {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	names := []string{"localhost", "127.0.0.1", "[::1]"}
	if ip, ok := netip.AddrFromSlice(local.IP); ok {
		names = append(names, strings.TrimSuffix(netip.AddrPortFrom(ip.Unmap(), 0).String(), ":0"))
	}
	for _, name := range names {
		if strings.EqualFold(r.Host, name+":"+strconv.Itoa(local.Port)) || local.Port == 80 && strings.EqualFold(r.Host, name) {
			return true
		}
	}
	return false
}

// originAllowed refuses what a browser sends for a page of somebody else. Other
// programs send none of these headers.
func originAllowed(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return false
	}
	if r.Header.Get("Access-Control-Request-Method") != "" || r.Header.Get("Access-Control-Request-Private-Network") != "" {
		return false
	}
	origin := r.Header.Values("Origin")
	if len(origin) == 0 {
		return true
	}
	u, err := url.Parse(origin[0])
	return err == nil && len(origin) == 1 && strings.EqualFold(u.Host, r.Host) && (u.Scheme == "http" || u.Scheme == "https")
}

// key returns the key that a call came with.
func (c *call) key() string {
	if k := c.Header.Get("X-Api-Key"); k != "" {
		return k
	}
	scheme, k, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(k)
}

// fits says whether a key is the one that is asked for; where none is, any will
// do that is not empty.
func fits(key string, want safetext.Secret) bool {
	if want.Empty() {
		return key != ""
	}
	a, b := sha256.Sum256([]byte(key)), sha256.Sum256([]byte(want.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// limited says whether a call is one too many, and for how many seconds.
func (c *call) limited(provider string) (seconds int, yes bool) {
	wait, ok := c.s.limits[provider].take(c.s.cfg.Now())
	if ok {
		return 0, false
	}
	seconds = max(1, int(math.Ceil(wait.Seconds())))
	c.w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return seconds, true
}

// base is what addresses that lead back here begin with.
func (c *call) base() string {
	if c.s.cfg.PublicURL != "" {
		return c.s.cfg.PublicURL
	}
	return "http://" + c.Host
}

// page reads ?limit=.
func (c *call) page(usual, most int) (int, error) {
	text := c.URL.Query().Get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, &inputError{Field: "limit", Message: fmt.Sprintf("%s is no number from 1 to %d", safetext.Line(text), most)}
	}
	return n, nil
}

// json answers with a document.
func (c *call) json(status int, v any) { writeJSON(c.w, status, v) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the caller has gone
}

// strict reads a body in a form of ours: what it does not know is a mistake.
func (c *call) strict(v any) error {
	dec := json.NewDecoder(bytes.NewReader(c.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return &inputError{Message: "the body is not what it has to be: " + strings.TrimPrefix(safetext.Line(err.Error()), "json: ")}
	}
	if _, err := dec.Token(); err != io.EOF {
		return &inputError{Message: "something follows the JSON in the body"}
	}
	return nil
}

// tolerant reads a body in a provider's form: what it does not know is ignored,
// as providers do.
func (c *call) tolerant(v any) error {
	err := json.Unmarshal(c.body, v)
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind) && kind.Field != "":
		return &inputError{Field: kind.Field, Message: "it must be " + typeName(kind.Type.Kind().String()) + ", not " + kind.Value}
	}
	return &inputError{Message: "the body is not a JSON object"}
}

func typeName(kind string) string {
	switch kind {
	case "slice", "array":
		return "an array"
	case "struct", "map":
		return "an object"
	case "bool":
		return "true or false"
	case "int", "int64", "float64":
		return "a number"
	}
	return "a " + kind
}

// problem says what an error means to a caller: a status, a word, a text and
// what to try.
func problem(err error) (status int, code, text, hint string) {
	var input *inputError
	switch {
	case errors.As(err, &input):
		return http.StatusBadRequest, "invalid_request", input.Error(), input.Hint
	case errors.Is(err, errFull), errors.Is(err, errBacklog):
		return http.StatusServiceUnavailable, "full", err.Error(), ""
	case errors.Is(err, store.ErrNoSpace), errors.Is(err, store.ErrStoreFull):
		return http.StatusServiceUnavailable, "no_space", "not stored: " + err.Error(), ""
	}
	return http.StatusInternalServerError, "internal_error", safetext.Line(err.Error()), ""
}

// controlError answers in the form of the control API.
func controlError(w http.ResponseWriter, status int, code, text, hint string) {
	type failure struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
	}
	w.Header().Set(ExtensionHeader, "true")
	writeJSON(w, status, map[string]failure{"error": {code, text, hint}})
}

// fail answers with an error in the form of the control API.
func (c *call) fail(err error) {
	status, code, text, hint := problem(err)
	if status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "5")
	}
	controlError(c.w, status, code, text, hint)
}

// answerWriter remembers what was answered.
type answerWriter struct {
	http.ResponseWriter
	status   int
	provider string
}

// WriteHeader is that of http.ResponseWriter.
func (a *answerWriter) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write is that of http.ResponseWriter.
func (a *answerWriter) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (a *answerWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// seconds writes a time as providers do.
func seconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
