//go:build !linux

package intake

import "runtime"

// holder guesses who listens on a port: these systems do not tell without
// running another program.
func holder(port int) string {
	if runtime.GOOS == "darwin" && (port == 5000 || port == 7000) {
		return "the AirPlay Receiver, perhaps (System Settings, General, AirDrop & Handoff)"
	}
	return ""
}
