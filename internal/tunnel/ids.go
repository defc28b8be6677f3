package tunnel

import (
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/wire"
)

// IDs makes the ids of deliveries from the relay's ids: the same event gets
// the same id whenever it comes, and nobody who does not know the key can aim
// at one.
type IDs struct {
	Key []byte
	New func(at time.Time) string // for what has no id of a relay
}

// Of makes the id of a delivery that came at a time. The relay's word decides
// neither the id, for the key is ours, nor its place in the order beyond what
// is likely.
func (i IDs) Of(event string, at time.Time) string {
	e, err := wire.ParseEventID(event)
	if err != nil {
		return i.New(at)
	}
	ms := time.UnixMilli(int64(e[0])<<40 | int64(e[1])<<32 | int64(e[2])<<24 | int64(e[3])<<16 | int64(e[4])<<8 | int64(e[5]))
	if ms.After(at.Add(time.Hour)) || ms.Before(at.AddDate(0, 0, -31)) {
		return i.New(at)
	}
	mac := hmac.New(sha256.New, i.Key)
	mac.Write(e[:])
	raw := ids.Raw(e)
	copy(raw[6:], mac.Sum(nil))
	return raw.String()
}
