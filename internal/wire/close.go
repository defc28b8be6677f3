package wire

import "strconv"

// CloseCode is the code of a websocket close.
type CloseCode int

// The close codes: those of websockets, and from 4000 our own.
const (
	CloseDone        CloseCode = 1000
	CloseGoingAway   CloseCode = 1001
	CloseWSProtocol  CloseCode = 1002
	CloseUnsupported CloseCode = 1003
	CloseAbnormal    CloseCode = 1006 // never sent: the connection broke
	CloseTooBig      CloseCode = 1009
	CloseFault       CloseCode = 1011
	CloseHello       CloseCode = 4000 // HELLO missing, late or malformed
	CloseRevoked     CloseCode = 4001
	CloseProtocol    CloseCode = 4002
	CloseFlow        CloseCode = 4003
	CloseReplaced    CloseCode = 4004 // a newer link has the name
	CloseReleased    CloseCode = 4005
	CloseControl     CloseCode = 4006 // too many control frames
	CloseHeartbeat   CloseCode = 4007
)

// Final says that connecting again would end the same way.
func (c CloseCode) Final() bool {
	return c == CloseRevoked || c == CloseReplaced || c == CloseReleased
}

// String says what the code means.
func (c CloseCode) String() string {
	switch c {
	case CloseDone:
		return "done"
	case CloseGoingAway:
		return "the other end goes away"
	case CloseWSProtocol, CloseProtocol:
		return "protocol error"
	case CloseUnsupported:
		return "not a binary message"
	case CloseAbnormal:
		return "connection lost"
	case CloseTooBig:
		return "message too big"
	case CloseFault:
		return "fault at the other end"
	case CloseHello:
		return "no greeting"
	case CloseRevoked:
		return "token revoked"
	case CloseFlow:
		return "flow control violated"
	case CloseReplaced:
		return "replaced by a newer connection"
	case CloseReleased:
		return "name released"
	case CloseControl:
		return "too many control frames"
	case CloseHeartbeat:
		return "nothing heard for too long"
	}
	return "close code " + strconv.Itoa(int(c))
}
