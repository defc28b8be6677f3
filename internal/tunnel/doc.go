// Package tunnel is the client of a relay: it holds the link, keeps its name,
// comes back after whatever cut it off, and hands each request to a handler on
// this machine.
//
// The handler is an ordinary http.Handler. Forwarder is one that passes
// requests on to a local app, which is the only address that it ever dials:
// nothing that a relay or a sender says changes where a request goes.
//
// The package prints nothing. What happens is told to Config.Observe as data.
package tunnel
