package term

import "golang.org/x/sys/windows"

// EnableColor makes the console of Windows understand colour sequences and
// says whether it does. On other systems every terminal does.
func EnableColor(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	if !ok {
		return true
	}
	console := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(console, &mode) != nil {
		return true // a file or a pipe
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
