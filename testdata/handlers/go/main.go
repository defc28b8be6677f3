// Command go is a handler of Slack's webhooks on net/http. FAULT names the one
// thing that is wrong with it; without, it is right.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

func is(fault string) bool { return os.Getenv("FAULT") == fault }

func isGenuine(header http.Header, body []byte) bool {
	timestamp := header.Get("X-Slack-Request-Timestamp")
	n, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		if is("panics") {
			panic(err)
		}
		return false
	}
	age := time.Since(time.Unix(n, 0))
	switch {
	case is("no-age"):
	case is("only-past"):
		if age > 5*time.Minute {
			return false
		}
	case age.Abs() > 5*time.Minute:
		return false
	}
	mac := hmac.New(sha256.New, []byte(os.Getenv("WEBHOOK_SECRET")))
	if is("empty-key") {
		mac = hmac.New(sha256.New, []byte(os.Getenv("NO_SUCH_SECRET")))
	}
	fmt.Fprintf(mac, "v0:%s:%s", timestamp, body)
	// Not wrong: what is no hexadecimal is no signature either.
	if is("compares-bytes") {
		given := header.Get("X-Slack-Signature")
		decoded, _ := hex.DecodeString(given[min(3, len(given)):])
		return hmac.Equal(decoded, mac.Sum(nil))
	}
	return hmac.Equal([]byte(header.Get("X-Slack-Signature")), []byte("v0="+hex.EncodeToString(mac.Sum(nil))))
}

func receive(w http.ResponseWriter, r *http.Request) {
	var read io.Reader = r.Body
	if is("cuts-body") {
		read = io.LimitReader(r.Body, 100<<10) // what is cut off was signed as well
	}
	body, err := io.ReadAll(read)
	if err != nil {
		http.Error(w, "the body did not come", http.StatusRequestTimeout)
		return
	}
	if !isGenuine(r.Header, body) {
		http.Error(w, "invalid signature", http.StatusUnauthorized)
		return
	}
	var event any
	if err := json.Unmarshal(body, &event); err != nil {
		status := http.StatusBadRequest
		if is("bad-json-500") {
			status = http.StatusInternalServerError
		}
		http.Error(w, "not JSON", status)
		return
	}
	if is("asserts") {
		log.Print(event.(map[string]any)["event"].(map[string]any)["type"]) // a panic ends the connection
	}
	io.WriteString(w, "ok")
}

func main() {
	http.HandleFunc("POST /webhooks/slack", receive)
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT")}
	if is("impatient") {
		server.ReadTimeout = 2 * time.Second
	}
	log.Fatal(server.ListenAndServe())
}
