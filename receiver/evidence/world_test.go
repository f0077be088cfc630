package evidence_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// clock is when messages are checked in tests.
var clock = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// world is a DNS of its own and identities in it.
type world struct {
	tb      testing.TB
	now     time.Time
	zones   []lookuptest.Zone
	server  *lookuptest.Server
	client  *lookup.Client
	anchors *dnssec.Anchors
}

// start serves zones as of w.now.
func start(tb testing.TB, now time.Time, zones ...lookuptest.Zone) *world {
	tb.Helper()
	w := &world{tb: tb, now: now, zones: zones}
	var err error
	w.server, err = lookuptest.New(zones, lookuptest.Options{Now: func() time.Time { return w.now }})
	if err == nil {
		err = w.server.Start("127.0.0.1:0")
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = w.server.Close() })
	w.anchors = anchorsOf(tb, w.server.Anchor())
	w.client = w.newClient()
	return w
}

func (w *world) newClient() *lookup.Client {
	w.tb.Helper()
	c, err := lookup.New(lookup.Options{
		Resolvers: []string{w.server.Addr()}, Anchors: w.anchors, Now: func() time.Time { return w.now }, Timeout: time.Minute,
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	w.tb.Cleanup(func() { _ = c.Close() })
	return c
}

func anchorsOf(tb testing.TB, text string) *dnssec.Anchors {
	tb.Helper()
	a, err := dnssec.ParseAnchors(text, "lab")
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// options are those of a receiver that asks the DNS of w.
func (w *world) options() receiver.Options {
	return receiver.Options{Lookup: w.client, Timeout: time.Minute, Now: func() time.Time { return w.now }, Digests: true, Saved: true}
}

// signer makes an identity and its record.
func signer(tb testing.TB, name string) (*identity.Identity, string) {
	tb.Helper()
	id, err := identity.Create(tb.TempDir(), name, identity.CreateOptions{Now: clock.AddDate(-1, 0, 0)})
	if err != nil {
		tb.Fatal(err)
	}
	return id, recordOf(tb, id)
}

func recordOf(tb testing.TB, id *identity.Identity) string {
	tb.Helper()
	owner, typ, err := id.OwnerName()
	if err != nil {
		tb.Fatal(err)
	}
	r, err := id.Record(3, 1, 1)
	if err != nil {
		tb.Fatal(err)
	}
	line, err := identity.FormatRecord(owner, typ, r, time.Hour, "zone")
	if err != nil {
		tb.Fatal(err)
	}
	return line + "\n"
}

// letter is a small message from a person.
func letter(from, subject string) string {
	return "From: " + from + "\r\nSubject: " + subject + "\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@example.org>\r\n" +
		"Date: Tue, 24 Nov 2026 11:59:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" + subject + "\r\n"
}

func sign(tb testing.TB, id *identity.Identity, text string, opts smime.SignOptions) []byte {
	tb.Helper()
	m := parse(tb, []byte(text))
	opts.Time = clock.Add(-time.Minute)
	edit, err := sender.SignMessage(context.Background(), m, []*identity.Identity{id}, opts)
	if err != nil {
		tb.Fatal(err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func parse(tb testing.TB, text []byte) *message.Message {
	tb.Helper()
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close() })
	return m
}

// judge is the report of a receiver with options on a message; nil for one whose header cannot be
// read.
func judge(tb testing.TB, opts receiver.Options, text []byte) *receiver.Report {
	tb.Helper()
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if errors.Is(err, message.ErrMalformed) {
		return nil
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer m.Close()
	r, err := receiver.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	report, err := r.Verify(context.Background(), m)
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

// keep judges messages and returns the file of evidence about them.
func (w *world) keep(opts receiver.Options, messages ...[]byte) ([]byte, []*receiver.Report) {
	w.tb.Helper()
	var out bytes.Buffer
	e, err := evidence.NewWriter(&out, "test", w.now)
	if err != nil {
		w.tb.Fatal(err)
	}
	var reports []*receiver.Report
	by := evidence.JudgedBy(w.anchors, evidence.PolicyOf(&opts))
	for _, text := range messages {
		r := judge(w.tb, opts, text)
		if r == nil {
			reports = append(reports, nil)
			continue
		}
		if err := e.Add(r, by); err != nil {
			w.tb.Fatal(err)
		}
		reports = append(reports, r)
	}
	if err := e.Seal(evidence.Seal{Sealed: w.now}); err != nil {
		w.tb.Fatal(err)
	}
	return out.Bytes(), reports
}

// past opens a file of evidence.
func past(file []byte, opts evidence.Options) (*evidence.Archive, error) {
	a := evidence.New(opts)
	return a, a.Add("test.evidence", bytes.NewReader(file), int64(len(file)))
}

// noDNS is no resolver: who asks it has opened the network.
type noDNS struct{ lookup.Resolver }

// recall judges a message by evidence, years later and without a network.
func recall(tb testing.TB, file []byte, ours evidence.Options, opts receiver.Options, text []byte) *receiver.Report {
	tb.Helper()
	a, err := past(file, ours)
	if err != nil {
		tb.Fatal(err)
	}
	opts.Lookup, opts.Past, opts.Saved = noDNS{}, a.Past, true
	opts.Now = func() time.Time { return clock.AddDate(8, 0, 0) }
	return judge(tb, opts, text)
}

func line(r *receiver.Report) string {
	if r == nil {
		return "unreadable"
	}
	return fmt.Sprintf("%s %s", r.Verdict, r.Code)
}
