// Package relay gives local ports a public URL. Senders speak plain HTTP to
// it; tunnel clients hold one websocket each, over which requests and answers
// travel as package wire has it.
//
// # Names
//
// A name is what a sender's URL contains: https://relay.example/t/NAME/… or
// https://NAME.tunnels.example/…. It belongs to the token that claimed it
// first, and stands in one of these states:
//
//	absent    never claimed, or released              404
//	away      claimed, no client connected            503, or stored
//	draining  connected, events wait to be delivered  stored behind them
//	live      connected, nothing waits                passed on
//
// # What an answer means
//
// A status is the app's own, or it comes with the header Hooks-Error and says
// what went wrong on the way. 2xx is never invented: it means that the app
// said so, or (202) that the request is on this relay's disk.
//
// The package prints nothing and logs neither bodies nor queries nor header
// values.
package relay
