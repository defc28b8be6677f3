package outgoing

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// Shuffle leaves several deliveries in another order than they had; with a
// seed it is always the same one.
func Shuffle(ds []*webhook.Delivery, seed *int64) {
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //nolint:gosec // an order, not a secret
	if seed != nil {
		r = rand.New(rand.NewPCG(uint64(*seed), 0)) //nolint:gosec // an order, not a secret
	}
	r.Shuffle(len(ds), func(i, j int) { ds[i], ds[j] = ds[j], ds[i] })
}

// ParseStatus reads which statuses of an answer are meant: 401, 4xx, or several
// with commas.
func ParseStatus(text string) (func(status int) bool, error) {
	var want []string
	for part := range strings.SplitSeq(text, ",") {
		part = strings.ToLower(strings.TrimSpace(part))
		n, err := strconv.Atoi(strings.TrimSuffix(part, "xx"))
		class := strings.HasSuffix(part, "xx") && n >= 1 && n <= 5
		if err != nil || !class && (n < 100 || n > 599) {
			return nil, fmt.Errorf("%q is no status such as 401 or 4xx", part)
		}
		want = append(want, strings.TrimSuffix(part, "xx"))
	}
	return func(status int) bool {
		for _, w := range want {
			if strings.HasPrefix(strconv.Itoa(status), w) {
				return true
			}
		}
		return false
	}, nil
}
