package relay

import "net/http"

// note is what a browser gets that opens a tunnel's URL on a shared origin.
const note = `This is the address of a webhook tunnel, not of a website.

Its pages are not shown here: they would share this host with every other
tunnel. The operator of the relay can allow it with --allow-html, or give each
tunnel a host of its own with --domain.
`

// guardRequest answers what a page on the shared origin could abuse. It says
// whether it has answered.
func (s *Server) guardRequest(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Service-Worker") != "" {
		s.refuse(w, errWorker)
		return true
	}
	if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && !s.cfg.AllowHTML {
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "sandbox")
		h.Set("Hooks-Error", "navigation")
		_, _ = w.Write([]byte(note)) // a browser that has left reads nothing
		return true
	}
	return false
}

// guardAnswer takes from an answer what would act on the shared origin: its
// scripts run in none, and it sets nothing that outlives it.
func guardAnswer(h http.Header) {
	for _, name := range [...]string{
		"Set-Cookie", "Set-Cookie2", "Service-Worker-Allowed", "Clear-Site-Data",
		"Strict-Transport-Security", "Alt-Svc", "Nel", "Report-To", "Reporting-Endpoints",
	} {
		delete(h, name)
	}
	// The app's own policy stays: browsers apply every policy there is.
	h["Content-Security-Policy"] = append(h["Content-Security-Policy"][:len(h["Content-Security-Policy"]):len(h["Content-Security-Policy"])], "sandbox")
	h["X-Content-Type-Options"] = []string{"nosniff"}
}
