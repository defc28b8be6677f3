package store

import "time"

// A Retention bounds what is kept, whichever of its limits is reached first.
// A zero limit is none.
type Retention struct {
	Age   time.Duration // since it was stored
	Count int64         // deliveries
	Bytes int64         // of the file on disk
}

func (tx *transaction) makeRoom(int64) error { return nil }
