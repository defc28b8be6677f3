package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// An ask names a message of a stream: by its sequence, the first of a subject
// from a sequence on, or the last of a subject.
type ask struct {
	Seq   uint64 `json:"seq,omitempty"`
	Next  string `json:"next_by_subj,omitempty"`
	Last  string `json:"last_by_subj,omitempty"`
	Batch int    `json:"batch,omitempty"`
	Bytes int64  `json:"max_bytes,omitempty"`
}

// A stored is a message as it lies in a stream.
type stored struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Data    []byte    `json:"data"`
	Header  []byte    `json:"hdrs"`
	Time    time.Time `json:"time"`
}

const codeNoMessage = 10037

// leader asks the leader of a stream for a message; nil if there is none. The
// library's own get asks any replica, which may lag behind.
func (c *Cluster) leader(ctx context.Context, stream string, a ask) (*stored, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	answer, err := c.nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: "$JS.API.STREAM.MSG.GET." + stream, Data: b})
	if err != nil {
		return nil, fmt.Errorf("%w: ask the leader of %s: %w", ErrAway, stream, err)
	}
	var got struct {
		Message *stored             `json:"message"`
		Error   *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(answer.Data, &got); {
	case err != nil:
		return nil, fmt.Errorf("%w: ask the leader of %s: %w", ErrAway, stream, err)
	case got.Error != nil && got.Error.ErrorCode == codeNoMessage:
		return nil, nil
	case got.Error != nil:
		return nil, fmt.Errorf("%w: ask the leader of %s: %w", ErrAway, stream, got.Error)
	}
	return got.Message, nil
}
