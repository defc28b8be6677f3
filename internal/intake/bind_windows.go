package intake

import (
	"errors"
	"syscall"
)

// inUse knows WSAEADDRINUSE, and WSAEACCES, which stands for a port that another
// program holds for itself alone.
func inUse(err error) bool {
	return errors.Is(err, syscall.Errno(10048)) || errors.Is(err, syscall.Errno(10013))
}
