package relay

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// A refusal is an answer that is the relay's and not the app's. Its code is in
// the header Hooks-Error and counts in the metrics.
type refusal struct {
	status int
	code   string
	text   string
	retry  time.Duration // Retry-After, 0 for none
}

// What senders are told.
var (
	errUnknown   = &refusal{404, "tunnel_unknown", "no tunnel has this name", 0}
	errOffline   = &refusal{503, "tunnel_offline", "the tunnel's client is not connected", 30 * time.Second}
	errBusy      = &refusal{503, "tunnel_busy", "too many requests are under way in this tunnel", 5 * time.Second}
	errMoving    = &refusal{503, "relay_draining", "the relay is being restarted", time.Second}
	errBroken    = &refusal{502, "tunnel_broken", "the tunnel broke before the app answered", 0}
	errLinkLost  = &refusal{502, "tunnel_broken", "the tunnel broke before the app answered", 0} // may be stored instead
	errSilent    = &refusal{504, "app_timeout", "the app did not answer in time", 0}
	errDrainLive = &refusal{503, "tunnel_draining", "stored requests are delivered first", 5 * time.Second}
	errFull      = &refusal{503, "store_full", "the tunnel's store is full", time.Minute}
	errTight     = &refusal{503, "relay_busy", "the relay is short of memory", 5 * time.Second}
	errStore     = &refusal{503, "store_unavailable", "the request could not be stored", time.Minute}
	errRate      = &refusal{429, "rate_limited", "too many requests", time.Second}
	errUpgrade   = &refusal{501, "upgrade_unsupported", "this relay passes on no websockets", 0}
	errMethod    = &refusal{501, "method_unsupported", "this relay is no proxy", 0}
	errWorker    = &refusal{403, "service_worker", "service workers are not served on a shared origin", 0}
	errHead      = &refusal{431, "headers_too_large", "the request's headers cannot be passed on", 0}
	errBadHead   = &refusal{400, "malformed_request", "the request cannot be passed on", 0}
	errBadAnswer = &refusal{502, "answer_malformed", "the tunnel's answer cannot be passed on", 0}
)

// What clients are told before the upgrade.
var (
	errBadName      = &refusal{400, "bad_name", "a name has 3 to 63 of the characters a-z, 0-9 and -", 0}
	errToken        = &refusal{401, "token_unknown", "the token is missing, unknown or expired", 0}
	errNotForName   = &refusal{403, "token_not_for_name", "the token is not for this name", 0}
	errTaken        = &refusal{409, "name_taken", "name is taken", 0}
	errVersion      = &refusal{426, "no_common_version", "no common version of the tunnel protocol", 0}
	errAuthRate     = &refusal{429, "too_many_attempts", "too many failed attempts", time.Minute}
	errTooManyNames = &refusal{429, "too_many_names", "too many names", time.Minute}
	errTooManyLinks = &refusal{429, "too_many_clients", "too many clients on this name", time.Minute}
	errCrowded      = &refusal{503, "relay_busy", "too many clients connect at once", time.Second}
	errDraining     = &refusal{503, "relay_draining", "the relay is being restarted", time.Second}
)

// write answers with the refusal.
func (e *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Hooks-Error", e.code)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(e.retry.Seconds())))
	}
	text := e.text + "\n"
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, text) // a sender that has left gets no answer
}
