//go:build !unix

package deliver

import "net"

// stands cannot ask the connection here: one that was used within a second is
// taken to be open.
func stands(net.Conn, bool) bool { return true }
