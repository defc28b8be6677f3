package term

import "golang.org/x/sys/windows"

// EnableColor makes the console of Windows understand colour sequences and
// says whether it does. On other systems every terminal does.
func EnableColor(stream any) bool {
	fd, ok := descriptor(stream)
	if !ok {
		return true
	}
	var mode uint32
	if windows.GetConsoleMode(windows.Handle(fd), &mode) != nil {
		return true // a file or a pipe
	}
	return windows.SetConsoleMode(windows.Handle(fd), mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
