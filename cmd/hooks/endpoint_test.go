package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"
)

// endpoint is the program that stands for an app in scripts:
//
//	exec endpoint -ready url.txt -status 500,200 -log requests.txt &app&
//	fileenv URL url.txt
//
// It listens on a free port (or -port), writes its URL to the file of -ready,
// answers with the statuses of -status in turn (the last one repeats) and the
// text of -body, or with -echo what it was sent, and appends each request to the file of -log: a line with
// method and target, a line for each header named by -headers, and the body.
func endpoint(args []string) int {
	fs := flag.NewFlagSet("endpoint", flag.ExitOnError)
	var (
		port    = fs.String("port", "0", "port")
		ready   = fs.String("ready", "", "file for the URL")
		log     = fs.String("log", "", "file for the requests")
		headers = fs.String("headers", "", "headers to log, with commas")
		status  = fs.String("status", "200", "statuses, with commas")
		body    = fs.String("body", "ok\n", "body of the answers")
		echo    = fs.Bool("echo", false, "answer with the body of the request")
	)
	_ = fs.Parse(args) // ExitOnError
	app := &app{statuses: strings.Split(*status, ","), body: *body, echo: *echo, log: *log, headers: strings.FieldsFunc(*headers, func(r rune) bool { return r == ',' })}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:"+*port)
	if err != nil {
		fmt.Fprintln(os.Stderr, "endpoint:", err)
		return 3
	}
	srv := &http.Server{Handler: app, ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	if *ready != "" {
		if err := os.WriteFile(*ready, []byte("http://"+l.Addr().String()+"\n"), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, "endpoint:", err)
			return 3
		}
	}
	_ = srv.Serve(l) // ends with http.ErrServerClosed
	return 0
}

type app struct {
	body, log string
	echo      bool
	headers   []string

	mu       sync.Mutex // guards the following, and writes to log
	statuses []string
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	status := a.statuses[0]
	if len(a.statuses) > 1 {
		a.statuses = a.statuses[1:]
	}
	a.write(r, body)
	a.mu.Unlock()
	code, err := strconv.Atoi(status)
	if err != nil {
		code = http.StatusInternalServerError
	}
	w.WriteHeader(code)
	if a.echo {
		_, _ = w.Write(body)
		return
	}
	_, _ = io.WriteString(w, a.body)
}

func (a *app) write(r *http.Request, body []byte) {
	if a.log == "" {
		return
	}
	text := r.Method + " " + r.RequestURI + "\n"
	for _, name := range a.headers {
		text += name + ": " + strings.Join(r.Header.Values(name), ", ") + "\n"
	}
	f, err := os.OpenFile(a.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, "endpoint:", err)
		return
	}
	defer f.Close()
	_, _ = f.WriteString(text + string(body) + "\n")
}
