package intake

import "os"

// InContainer says whether the program seems to run inside a container, where
// loopback is the container's own and no port that is published leads to it.
func InContainer(getenv func(string) string) bool {
	if getenv("KUBERNETES_SERVICE_HOST") != "" || getenv("container") != "" {
		return true
	}
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}
