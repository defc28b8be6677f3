package natstest

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// A Load is what all servers of a cluster have done since they started, and
// what they hold now.
type Load struct {
	Messages, Bytes int64 // received from clients and from each other
	Calls           int64 // of the JetStream API
	Sent, Got       int64 // messages of the clients that Clients names: what they sent, what they were sent
	SentBytes       int64
	GotBytes        int64
	Consumers       int
	Subscriptions   int
}

// Sub is what was done since before.
func (l Load) Sub(before Load) Load {
	l.Messages -= before.Messages
	l.Bytes -= before.Bytes
	l.Calls -= before.Calls
	l.Sent -= before.Sent
	l.Got -= before.Got
	l.SentBytes -= before.SentBytes
	l.GotBytes -= before.GotBytes
	return l
}

// Load asks the servers that run, as their monitoring has it in /varz, /jsz and
// /connz. clients is how the names of the clients begin that are counted.
func (c *Cluster) Load(clients string) (l Load) {
	tb := c.Servers[0].tb
	tb.Helper()
	nc, err := nats.Connect(c.URL(), nats.UserInfo("sys", "sys"), nats.Timeout(time.Minute))
	if err != nil {
		tb.Fatal(err)
	}
	defer nc.Close()
	var varz struct {
		InMsgs        int64 `json:"in_msgs"`
		InBytes       int64 `json:"in_bytes"`
		Subscriptions int   `json:"subscriptions"`
	}
	c.ask(nc, "VARZ", nil, &varz, func() {
		l.Messages += varz.InMsgs
		l.Bytes += varz.InBytes
		l.Subscriptions += varz.Subscriptions
	})
	var jsz struct {
		Consumers int `json:"consumers"`
		API       struct {
			Total int64 `json:"total"`
		} `json:"api"`
	}
	c.ask(nc, "JSZ", nil, &jsz, func() {
		l.Calls += jsz.API.Total
		l.Consumers += jsz.Consumers
	})
	var connz struct {
		Connections []struct {
			Name     string `json:"name"`
			InMsgs   int64  `json:"in_msgs"`
			OutMsgs  int64  `json:"out_msgs"`
			InBytes  int64  `json:"in_bytes"`
			OutBytes int64  `json:"out_bytes"`
		} `json:"connections"`
	}
	c.ask(nc, "CONNZ", []byte(`{"state":2}`), &connz, func() {
		for _, one := range connz.Connections {
			if strings.HasPrefix(one.Name, clients) {
				l.Sent += one.InMsgs
				l.Got += one.OutMsgs
				l.SentBytes += one.InBytes
				l.GotBytes += one.OutBytes
			}
		}
	})
	return l
}

// ask puts what each server says of itself into data, and calls f.
func (c *Cluster) ask(nc *nats.Conn, what string, options []byte, data any, f func()) {
	tb := c.Servers[0].tb
	tb.Helper()
	inbox := nc.NewRespInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.PublishRequest("$SYS.REQ.SERVER.PING."+what, inbox, options); err != nil {
		tb.Fatal(err)
	}
	for range c.Servers {
		m, err := sub.NextMsg(time.Minute)
		if err != nil {
			tb.Fatal(err)
		}
		if err := json.Unmarshal(m.Data, &struct {
			Data any `json:"data"`
		}{data}); err != nil {
			tb.Fatal(err)
		}
		f()
	}
}
