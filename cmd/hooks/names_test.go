package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// names is the program that stands for a network's name server:
//
//	names -listen 127.0.0.1:53 -answer answer.txt
//
// It reads the file of -answer for each question: an IPv4 address that every
// name has, `servfail`, or `silent` for no answer at all.
func names(args []string) int {
	fs := flag.NewFlagSet("names", flag.ExitOnError)
	var (
		listen = fs.String("listen", "127.0.0.1:53", "address")
		answer = fs.String("answer", "", "file with the answer")
	)
	_ = fs.Parse(args) // ExitOnError
	conn, err := net.ListenPacket("udp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "names:", err)
		return 3
	}
	answerNames(conn, func() string {
		text, err := os.ReadFile(*answer)
		if err != nil {
			return "servfail"
		}
		return strings.TrimSpace(string(text))
	})
	return 0
}

// answerNames answers questions until conn is closed.
func answerNames(conn net.PacketConn, answer func() string) {
	buf := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		said := answer()
		if said == "silent" {
			continue
		}
		if reply, err := nameReply(buf[:n], said); err == nil {
			_, _ = conn.WriteTo(reply, from)
		}
	}
}

// answerNamesTCP answers one question a connection, all names with 127.0.0.1,
// until l is closed.
func answerNamesTCP(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			var size [2]byte
			if _, err := io.ReadFull(conn, size[:]); err != nil {
				return
			}
			question := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(conn, question); err != nil {
				return
			}
			if reply, err := nameReply(question, "127.0.0.1"); err == nil {
				_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
			}
		}()
	}
}

func nameReply(question []byte, answer string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || len(m.Questions) != 1 {
		return nil, fmt.Errorf("question %x: %w", question, err)
	}
	q := m.Questions[0]
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, RecursionDesired: m.RecursionDesired, RecursionAvailable: true},
		Questions: m.Questions,
	}
	switch addr, err := netip.ParseAddr(answer); {
	case err != nil:
		reply.RCode = dnsmessage.RCodeServerFailure
	case q.Type == dnsmessage.TypeA:
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
			Body:   &dnsmessage.AResource{A: addr.As4()},
		}}
	}
	return reply.Pack()
}
