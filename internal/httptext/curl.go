package httptext

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// parseCommands reads curl commands of sh, or one of PowerShell or cmd.
func parseCommands(text string, each func(Item) error) error {
	pipelines, err := commandsOf(text)
	if err != nil {
		return fmt.Errorf("read as a curl command: %w", err)
	}
	n := 0
	for _, cmds := range pipelines {
		for _, c := range curlCommands(cmds) {
			n++
			d, err := c.delivery()
			if err == nil {
				err = each(Item{Delivery: d})
				if err != nil {
					return err
				}
				continue
			}
			if len(pipelines) > 1 {
				err = fmt.Errorf("command %d: %w", n, err)
			}
			return fmt.Errorf("read as a curl command: %w", err)
		}
	}
	if n == 0 {
		return errors.New("read as a curl command: there is no curl in it")
	}
	return nil
}

// commandsOf tells the shells apart by how they continue a line.
func commandsOf(text string) ([][]*command, error) {
	text = strings.TrimPrefix(text, "$ ")
	var words []word
	var err error
	first, _, _ := strings.Cut(text, "\n")
	first = strings.TrimRight(first, "\r")
	called := strings.HasPrefix(text, "curl")
	switch {
	case called && (strings.HasSuffix(first, "^") || strings.Contains(strings.SplitN(first, "'", 2)[0], ` ^"`)):
		words, err = cmdLine(text)
	case called && (strings.HasSuffix(first, "`") || strings.HasPrefix(text, "curl.exe") && !strings.HasSuffix(first, `\`)):
		words, err = powerShell(text)
	default:
		return (&posix{in: text}).pipelines()
	}
	if err != nil {
		return nil, err
	}
	return [][]*command{{{words: words}}}, nil
}

// A curlCommand is the curl of a pipeline and what feeds it.
type curlCommand struct {
	args  []word
	feed  []*command // whose output it reads
	stdin *string    // of a here-document
}

// curlCommands finds the curl in a pipeline; with --next it makes several
// requests. What reads its output does not matter.
func curlCommands(cmds []*command) []curlCommand {
	for i, c := range cmds {
		args := c.words
		for len(args) > 0 && assignment(args[0].text) {
			args = args[1:]
		}
		if len(args) == 0 || args[0].text != "curl" && args[0].text != "curl.exe" {
			continue
		}
		var found []curlCommand
		cur := curlCommand{feed: cmds[:i], stdin: c.stdin}
		for _, w := range args[1:] {
			if w.text == "--next" || w.text == "-:" {
				found = append(found, cur)
				cur = curlCommand{}
				continue
			}
			cur.args = append(cur.args, w)
		}
		return append(found, cur)
	}
	return nil
}

// assignment says whether a word in front of a command sets a variable for it.
func assignment(s string) bool {
	name, _, ok := strings.Cut(s, "=")
	return ok && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") == ""
}

func (c *curlCommand) input() (string, error) {
	if c.stdin != nil {
		return *c.stdin, nil
	}
	out, err := output(c.feed)
	if err != nil {
		return "", err
	}
	if out == nil {
		return "", errors.New("the body comes from standard input, which is not a part of the command")
	}
	return *out, nil
}

// A curlRequest is what the options of a command line add up to.
type curlRequest struct {
	command *curlCommand

	method string
	url    string
	fields []field
	unset  []string // headers that are taken off
	usual  []field  // headers that options add, unless -H says otherwise
	body   strings.Builder
	data   bool // there is a body, though it may be empty
	get    bool
	head   bool
	put    bool
	query  []string
	open   []string // headers with a variable in them
}

func (c *curlCommand) delivery() (*webhook.Delivery, error) {
	r := curlRequest{command: c}
	if err := r.options(c.args); err != nil {
		return nil, err
	}
	if r.url == "" {
		return nil, errors.New("it has no URL")
	}
	d, err := r.request().delivery()
	if err != nil {
		return nil, err
	}
	d.Redacted = r.open
	return d, nil
}

// formType is what curl says of data unless it is told otherwise.
var formType = field{"Content-Type", "application/x-www-form-urlencoded"}

// request puts together what curl would send, as far as the command decides
// it.
func (r *curlRequest) request() *request {
	target := r.url
	if !strings.Contains(target, "://") {
		target = "http://" + target
	}
	body := r.body.String()
	if r.get && body != "" {
		r.query = append(r.query, body)
		body = ""
	}
	target, _, _ = strings.Cut(target, "#")
	for _, q := range r.query {
		if strings.Contains(target, "?") {
			target += "&" + q
		} else {
			target += "?" + q
		}
	}
	out := &request{method: r.method, target: r.withoutUser(target)}
	if out.method == "" {
		switch {
		case r.head:
			out.method = "HEAD"
		case r.put:
			out.method = "PUT"
		case r.data && !r.get:
			out.method = "POST"
		default:
			out.method = "GET"
		}
	}
	if r.data && !r.get {
		out.body = []byte(body)
	}
	out.fields = r.headers()
	if r.get { // no body, so nothing to say about it
		out.fields = slices.DeleteFunc(out.fields, func(f field) bool { return f == formType })
	}
	return out
}

// withoutUser turns user and password in the URL into the header that curl
// makes of them.
func (r *curlRequest) withoutUser(target string) string {
	scheme, after, _ := strings.Cut(target, "://")
	user, host, path := splitURL(after)
	if user == "" {
		return target
	}
	if plain, err := url.PathUnescape(user); err == nil {
		user = plain
	}
	if !strings.Contains(user, ":") {
		user += ":"
	}
	r.standard("Authorization", basic(user))
	return scheme + "://" + host + path
}

func basic(user string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user))
}

// standard notes a header that curl sends of its own accord.
func (r *curlRequest) standard(name, value string) {
	r.usual = append(r.usual, field{name, value})
}

// headers adds the standard headers, where the command neither sets them nor
// takes them off. Of two with one name the first counts.
func (r *curlRequest) headers() []field {
	fields := r.fields
	for _, f := range r.usual {
		named := func(other field) bool { return strings.EqualFold(other.name, f.name) }
		if slices.ContainsFunc(fields, named) || slices.ContainsFunc(r.unset, func(n string) bool { return named(field{name: n}) }) {
			continue
		}
		fields = append(fields, f)
	}
	return fields
}

// header reads the value of -H: "Name: value", "Name;" for an empty one,
// "Name:" to take one off.
func (r *curlRequest) header(w word) error {
	if strings.HasPrefix(w.text, "@") {
		return errFile
	}
	name, value, ok := strings.Cut(w.text, ":")
	switch {
	case !ok && strings.HasSuffix(w.text, ";"):
		r.fields = append(r.fields, field{strings.TrimSuffix(w.text, ";"), ""})
		return nil
	case !ok:
		return fmt.Errorf("%.60q is not a header: Name: value", w.text)
	case strings.Trim(value, " \t") == "":
		r.unset = append(r.unset, strings.Trim(name, " \t"))
		return nil
	}
	if w.open {
		r.open = append(r.open, name)
	}
	f := field{strings.Trim(name, " \t"), strings.Trim(value, " \t")}
	r.fields = append(r.fields, f)
	return checkField(f)
}

// addData adds to the body as the option of this name does.
func (r *curlRequest) addData(option string, w word) error {
	text := w.text
	if w.open {
		return errors.New("the body holds a variable, whose value is not known here")
	}
	if option == "data-urlencode" {
		var err error
		if text, err = urlencode(text); err != nil {
			return err
		}
	} else if option != "data-raw" && strings.HasPrefix(text, "@") {
		if text != "@-" {
			return errFile
		}
		in, err := r.command.input()
		if err != nil {
			return err
		}
		if text = in; option == "data" {
			text = strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(in)
		}
	}
	if r.data && option != "json" {
		r.body.WriteByte('&')
	}
	r.data = true
	r.body.WriteString(text)
	switch {
	case option == "json":
		r.standard("Content-Type", "application/json")
		r.standard("Accept", "application/json")
	case !r.put:
		r.usual = append(r.usual, formType)
	}
	return nil
}

func urlencode(s string) (string, error) {
	at := strings.IndexAny(s, "=@")
	switch {
	case at >= 0 && s[at] == '@':
		return "", errFile
	case at < 0:
		return url.QueryEscape(s), nil
	case at == 0:
		return url.QueryEscape(s[1:]), nil
	}
	return s[:at+1] + url.QueryEscape(s[at+1:]), nil
}
