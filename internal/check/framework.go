package check

import (
	"strings"
)

// clues is what the answers tell about what the app is made with.
type clues struct {
	sure  string // a framework
	guess string // a language or a server, where no framework shows itself
}

// A sign is something in an answer by which a framework is known.
type sign struct {
	name   string
	sure   bool
	header string // it has this header
	holds  string // and it, or without a header the body, holds this
}

// signs has the surest first.
func signs() []sign {
	return []sign{
		{"Next.js", true, "X-Powered-By", "Next.js"},
		{"Express", true, "X-Powered-By", "Express"},
		{"Express", true, "", "<pre>Cannot "},
		{"Fastify", true, "", `"message":"Route `},
		{"Fastify", true, "", `"code":"FST_`},
		{"Django", true, "", "You’re seeing this error because you have <code>DEBUG = True</code>"},
		{"Django", true, "", "DJANGO_SETTINGS_MODULE"},
		{"Django", true, "Cross-Origin-Opener-Policy", "same-origin"},
		{"Flask", true, "Server", "Werkzeug"},
		{"FastAPI", true, "Server", "uvicorn"},
		{"FastAPI", true, "", `{"detail":`},
		{"Laravel", true, "Set-Cookie", "laravel_session"},
		{"Rails", true, "X-Runtime", ""},
		{"Sinatra", true, "", "Sinatra doesn’t know this ditty"},
		{"Spring", true, "", "Whitelabel Error Page"},
		{"Spring", true, "", `","path":"`},
		{"ASP.NET", true, "Server", "Kestrel"},
		{"Go net/http", true, "", "404 page not found\n"},
		{"Go net/http", true, "", "Method Not Allowed\n"},
		{"PHP", false, "X-Powered-By", "PHP"},
		{"Python", false, "Server", "gunicorn"},
		{"Python", false, "Server", "Python/"},
		{"Ruby", false, "Server", "WEBrick"},
		{"Fastify", false, "", `"statusCode":4`},
	}
}

// take looks for clues in one answer.
func (c *clues) take(a *answer) {
	if a.status == 0 || c.sure != "" {
		return
	}
	body := string(a.body[:min(len(a.body), 16<<10)])
	for _, s := range signs() {
		text := body
		if s.header != "" {
			values, ok := a.header[s.header]
			if text = strings.Join(values, ", "); !ok {
				continue
			}
		}
		switch {
		case !strings.Contains(text, s.holds):
		case s.sure:
			c.sure = s.name
			return
		case c.guess == "":
			c.guess = s.name
		}
	}
}

// framework is what the app seems to be made with, and "".
func (r *run) framework() string {
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	if r.seen.clues.sure != "" {
		return r.seen.clues.sure
	}
	return r.seen.clues.guess
}
