//go:build !linux && !darwin

package wire

import "net"

// keepQueueShort does nothing where the system has no word for it.
func keepQueueShort(net.Conn) {}
