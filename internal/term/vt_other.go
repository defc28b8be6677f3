//go:build !windows

package term

// EnableColor makes the console of Windows understand colour sequences and
// says whether it does. On other systems every terminal does.
func EnableColor(any) bool { return true }
