package cluster_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/cluster/natstest"
	"github.com/hooks-cli/hooks/internal/spool"
)

// BenchmarkStore stores events of 2 kB from many senders, in many names whose
// owner is gone, in three servers that sync each write. Beside it stands the
// NATS client's own publish, one message a sender at a time, into as many
// streams.
func BenchmarkStore(b *testing.B) {
	for _, senders := range []int{64, 256} {
		b.Run(strconv.Itoa(senders), func(b *testing.B) {
			servers := natstest.Start(b, 3)
			c, err := cluster.Connect(b.Context(), cluster.Config{URL: servers.URL(), Node: "bench", Limits: spool.Limits{Events: 1 << 30}, Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			js := plainStream(b, servers)
			data := make([]byte, 2<<10)
			var ids atomic.Int64
			b.ResetTimer()
			var ours, theirs int
			for b.Loop() {
				ours += during(senders, func(ctx context.Context, sender int) error {
					n := int(ids.Add(1))
					return c.Store(ctx, "bench-"+strconv.Itoa(sender), &cluster.Owner{Node: "nobody"}, record(n, len(data)))
				})
				theirs += during(senders, func(ctx context.Context, sender int) error {
					_, err := js.Publish(ctx, fmt.Sprintf("plain.%d.%d", sender%plainStreams, sender), data)
					return err
				})
			}
			seconds := float64(b.N) * turn.Seconds()
			b.ReportMetric(float64(ours)/seconds, "events/s")
			b.ReportMetric(float64(theirs)/seconds, "publishes/s")
			b.ReportMetric(float64(ours)/float64(theirs), "x-publish")
		})
	}
}

const (
	turn         = 2 * time.Second
	plainStreams = 16
)

// plainStream makes streams as many and of the same kind as a cluster's.
func plainStream(b *testing.B, servers *natstest.Cluster) jetstream.JetStream {
	b.Helper()
	nc, err := nats.Connect(servers.URL())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	for i := range plainStreams {
		_, err = js.CreateStream(b.Context(), jetstream.StreamConfig{
			Name: "PLAIN" + strconv.Itoa(i), Subjects: []string{"plain." + strconv.Itoa(i) + ".*"}, Replicas: 3, Storage: jetstream.FileStorage,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return js
}

// during has senders do f for a turn, and counts.
func during(senders int, f func(ctx context.Context, sender int) error) int {
	ctx, cancel := context.WithTimeout(context.Background(), turn)
	defer cancel()
	var done atomic.Int64
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for ctx.Err() == nil {
				if f(context.WithoutCancel(ctx), i) == nil {
					done.Add(1)
				}
			}
		})
	}
	all.Wait()
	return int(done.Load())
}
