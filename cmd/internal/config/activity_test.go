package config

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/cmd/internal/metrics"
	"dnseal/cmd/internal/relay"
	"dnseal/smime/message"
)

// TestActivity has a relay's logins and messages remembered for each client.
func TestActivity(t *testing.T) {
	t.Parallel()
	m := metrics.New(nil)
	opts := new(Config).RelayOptions(&Relay{Role: RoleSubmission}, Wiring{Metrics: m})
	opts.OnLogin(relay.Login{Mechanism: "EXTERNAL", Result: "done", TLSName: "s1._device.example.net"})
	opts.OnLogin(relay.Login{Mechanism: "PLAIN", Result: "refused", User: "alice"})
	opts.OnLogin(relay.Login{Mechanism: "EXTERNAL", Result: "refused", Cause: "no-record", TLSName: "s2._device.example.net"})
	opts.OnLogin(relay.Login{Mechanism: "other", Result: "no-mechanism"})
	env := &message.Envelope{Submitter: message.Submitter{TLSName: "s1._device.example.net"}}
	opts.OnDecision(&message.Record{Envelope: env, Result: "signed"}, 2)
	opts.OnDecision(&message.Record{Envelope: env, Result: "next-hop"}, 4)
	opts.OnDecision(&message.Record{Envelope: &message.Envelope{}, Result: "signed"}, 2)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "m"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Serve(ctx, l) }()
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /devices HTTP/1.0\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	conn.Close()
	cancel()
	if err = <-done; err != nil {
		t.Error(err)
	}
	for _, want := range []string{`"refusal":"message next-hop","logins":1,"messages":1,"refusals":1}`, `"name":"alice","kind":"user"`, `"refusal":"login refused"`, `"refusal":"login no-record"`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if n := strings.Count(string(body), "\n"); n != 3 {
		t.Errorf("%d clients", n)
	}
}
