// Package emulate is providers on this machine: the APIs that their
// documentation shows, the signed deliveries that follow from calls to them, by
// each provider's schedule and rules, and a control API for everything else.
//
// A Server is an http.Handler. What it promised, deliveries and endpoints, is on
// disk before it answers; whoever opens the same directory next goes on where it
// was, also after a crash. Deliveries are made at least once. The package prints
// nothing and listens on nothing.
//
// # Whose path is whose
//
//	/v1/webhooks…                       generic
//	/api/v1/callbacks…                  sketchpen
//	/v1/render/design/{id}, /renders/…  canvelete
//	/_hooks/…                           the control API
//
// No two providers share a path, and Open panics if two ever did. A provider
// that is not among those asked for has no paths. Answers that a provider's
// documentation does not have, errors of its own and further methods, carry the
// header Hooks-Extension: true.
//
// # The control API
//
// Bodies are JSON with Content-Type application/json; unknown fields are
// refused. Times are RFC 3339 in UTC, durations texts ("2h") or milliseconds. An
// error is {"error":{"code","message","hint"?}} with 400 invalid_request, 401
// unauthorized, 403 host_not_allowed or cross_origin, 404 not_found, 409
// no_endpoint, 415, 503 full or no_space (with Retry-After). Where the server
// listens beyond loopback each call but health needs Authorization: Bearer KEY.
//
//	POST /_hooks/endpoints → 201 ENDPOINT
//	  {"provider","url","events"?:["render.*"],"secret"?,"active"?:true}
//	  Without secret: towards this machine the development secret (not told),
//	  unless the person has one for the provider; else a new one.
//	GET /_hooks/endpoints?provider= → {"endpoints":[ENDPOINT,…]}, newest first
//	GET, PATCH, DELETE /_hooks/endpoints/{id}
//	POST /_hooks/endpoints/{id}/rotate {"secret"?,"keep_old"?:"24h"} → ENDPOINT
//	  Signs with the new secret, for keep_old also with the old one where the
//	  scheme carries several.
//
//	  ENDPOINT: {"id","provider","url","events","active","status":"ok|failing",
//	  "failing_since"|null,"last_error"|null,"secret"|null,"secret_name"|null,
//	  "old_secrets","pending","created_at"}. Of a key pair, secret is the public
//	  key. secret_name: given, generated, development, or the name of a secret
//	  that hooks keeps. Such secrets sign only for endpoints that were named by
//	  whoever runs the emulator, and their url cannot be changed: no caller gets
//	  anything signed with them.
//
//	POST /_hooks/events → 201 {"events":[{"id"|null,"type","provider",
//	    "deliveries":["dlv_…",…]},…]}, answered when they are on disk
//	  EVENT: {"provider","type","id"?,"body"?,"set"?:{"data.x":1},"set_new"?,
//	    "endpoints"?:["hook_…"],"after"?:"5s","faults"?:FAULTS}
//	  body is the payload itself: JSON, sent byte for byte, or a text for bytes
//	    that are not JSON; type may then be left out.
//	  set changes fields of it, or of the sample; set_new may add them.
//	  Instead of one: {"provider","events":[EVENT,…]} or {"provider","flow":
//	    "render"}: their first attempts are made in order, each "after" the one
//	    before; ids of one kind are the same in all, unless set. "shuffle":true:
//	    in another order, and independent of each other. Flows: of loopcanvas
//	    render, render-failed, canvas and video, of canvelete design and delete,
//	    of generic user, project and payment.
//	  FAULTS: {"duplicate":N,"drop":true|0.1,"delay":"10s","jitter":"2s"}
//
//	GET /_hooks/deliveries?endpoint=&provider=&event=PATTERN&event_id=&status=
//	    &limit=50&before=dlv_… → {"deliveries":[DELIVERY,…],"next":"dlv_…"|null},
//	    newest first; next is the before of the next page
//	GET /_hooks/deliveries/{id} → DELIVERY with "request", as it was signed first;
//	  without it where a secret that hooks keeps has signed it
//	POST /_hooks/deliveries/{id}/replay → 202 DELIVERY: one more attempt, now
//
//	  DELIVERY: {"id","endpoint_id","provider","event_id"|null,"event_type","url",
//	  "status":"pending|delivered|failed|dropped|canceled","created_at",
//	  "next_attempt_at"|null,"attempts":[ATTEMPT,…]}
//
//	POST /_hooks/clock {"advance":"2h"} → CLOCK, when every attempt that came due
//	    on the way has been made at its own time
//	GET /_hooks/clock → CLOCK: {"now","ahead_ms","time_scale","pending"}
//	GET /_hooks/health → {"status":"ok","endpoints","failing","pending",
//	    "time_scale","providers","routes"}
//
// The clock is that of retries, delays and rotation. Signatures and everything
// that is shown bear the real time.
package emulate
