package logline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

const plain = `time=2026-11-24T12:00:00.123+01:00 level=INFO msg=message door=relay id=a from="a b@example.org" result=signed`

// TestParse reads a line in each form in which logs hold it.
func TestParse(t *testing.T) {
	t.Parallel()
	quoted, _ := json.Marshal(plain)
	var octets []string
	for _, c := range []byte(plain) {
		octets = append(octets, fmt.Sprint(c))
	}
	for name, line := range map[string]string{
		"text":             plain,
		"CRLF":             plain + "\r\n",
		"Docker":           `{"log":` + strings.TrimSuffix(string(quoted), `"`) + `\n","stream":"stderr","time":"2026-11-24T11:00:00.1Z"}`,
		"JSON":             `{"time":"2026-11-24T12:00:00.123+01:00","level":"INFO","msg":"message","door":"relay","id":"a","from":"a b\u0040example.org","result":"signed"}`,
		"JSON with spaces": `{"time": "2026-11-24T12:00:00.123+01:00", "level": "INFO", "msg": "message", "rcpts": 2, "x": {"y": ["}"]}, "from": "a b@example.org", "result": "signed" } `,
		"syslog":           "Nov 24 12:00:00 mail dnseal[17]: " + plain,
		"syslog, ISO":      "2026-11-24T12:00:00.125+01:00 mail dnseal-relay[17]: " + plain,
		"journal, short":   "Nov 24 12:00:00.123456 mail.example.org dnseal[17]: " + plain,
		"journal, json":    `{"__CURSOR":"s=1","MESSAGE":` + string(quoted) + `,"_SYSTEMD_UNIT":"dnseal-relay.service","SYSLOG_IDENTIFIER":"dnseal","PRIORITY":"6"}`,
		"journal, octets":  `{"SYSLOG_IDENTIFIER":"dnseal","MESSAGE":[` + strings.Join(octets, ",") + `]}`,
		"journal, alone":   `{"MESSAGE":` + string(quoted) + `}`,
	} {
		var l Line
		if !l.Parse([]byte(line)) {
			t.Errorf("%s: not read", name)
			continue
		}
		if l.Msg != MessageEvent || l.Level != "INFO" || l.Time.Format("15:04:05.000-07") != "12:00:00.123+01" ||
			string(l.Get("from")) != "a b@example.org" || string(l.Get("result")) != "signed" || l.Get("none") != nil {
			t.Errorf("%s: %+v, from %q", name, l, l.Get("from"))
		}
	}
}

// TestNotOurs: what other programs log, strangers' words included, is no line of ours.
func TestNotOurs(t *testing.T) {
	t.Parallel()
	quoted, _ := json.Marshal(plain)
	for _, line := range []string{
		"", " ", "time=", "time=x level=INFO msg=message", "{", "{}", `{"time":1}`, `{"time":"2026-11-24T12:00:00Z","level":"INFO"}`,
		"Nov 24 12:00:00 mail postfix/smtpd[1]: reject: dnseal[1]: " + plain,
		"Nov 24 12:00:00 mail postfix/smtpd[1]: " + plain,
		"dnseal: " + plain, // no time and host before it
		"level=INFO msg=message " + plain,
		plain + ` x="`, plain + ` x="a"b`, plain + ` x`, plain + "  y=1", plain + ` x=a"b`,
		`{"MESSAGE":` + string(quoted) + `,"SYSLOG_IDENTIFIER":"postfix/smtpd"}`,
		`{"MESSAGE":null,"SYSLOG_IDENTIFIER":"dnseal"}`, `{"MESSAGE":[300],"SYSLOG_IDENTIFIER":"dnseal"}`,
		`{"MESSAGE":` + string(quoted) + `} more`,
		plain + strings.Repeat(" a=b", maxFields), plain + " x=" + strings.Repeat("a", MaxLine),
	} {
		var l Line
		if l.Parse([]byte(line)) {
			t.Errorf("read as ours: %.200q", line)
		}
	}
}

// TestStrangers: whatever is in a value, in both formats it comes back as it was, and makes neither
// another field nor another line.
func TestStrangers(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"a\ntime=2026-11-24T12:00:00Z level=ERROR msg=message", "x result=signed", `" result="signed`, `\" result=signed`, `a\`, `a\\"`, "", " ", "=", "\x00\x1b[31m", "\u202eabc\u2028",
		"}{", `","result":"signed`, "\xff\xfe", "ünïcödé", strings.Repeat(`"\`, 400),
	} {
		for _, format := range []string{"text", "json"} {
			var b bytes.Buffer
			New(&b, format, "milter").Info(MessageEvent, slog.String("from", value), slog.String("code", "end"))
			if n := bytes.Count(b.Bytes(), []byte("\n")); n != 1 {
				t.Errorf("%s, %q: %d lines", format, value, n)
			}
			for _, r := range b.String() {
				if r != '\n' && (r < ' ' || r == '\u202e' || r == '\u2028') {
					t.Errorf("%s, %q: %q is in the log", format, value, r)
				}
			}
			var l Line
			if !l.Parse(b.Bytes()) {
				t.Errorf("%s, %q: not read: %s", format, value, b.Bytes())
				continue
			}
			var keys []string
			l.Each(func(key, _ []byte) { keys = append(keys, string(key)) })
			if got := strings.Join(keys, " "); got != "time level msg door from code" {
				t.Errorf("%s, %q: fields %s", format, value, got)
			}
			if got := string(l.Get("from")); got != value && utf8.ValidString(value) {
				t.Errorf("%s: %q came back as %q", format, value, got)
			}
		}
	}
}

// TestBounded: no value makes a line long, an error's included; no character is halved.
func TestBounded(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	long := strings.Repeat("é", 10_000)
	log := New(&b, "text", "relay")
	log.Info("x", slog.String("reason", long), slog.Any("error", errors.New(long)), slog.String("stack", long))
	if b.Len() > 20_000 || strings.Contains(b.String(), "\\x") {
		t.Errorf("%d bytes", b.Len())
	}
	var l Line
	if !l.Parse(b.Bytes()) || len(l.Get("reason")) != maxValue+3 || len(l.Get("error")) != maxValue+3 {
		t.Errorf("%d and %d bytes", len(l.Get("reason")), len(l.Get("error")))
	}
}

// FuzzParse: any line is read or refused, and what is read has values of the line. A JSON line that
// is read is JSON.
func FuzzParse(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte("Nov 24 12:00:00 mail dnseal[17]: " + plain))
	f.Add([]byte(`{"time":"2026-11-24T12:00:00.123+01:00","level":"INFO","msg":"message","a":[1,{"b":"}"}],"c":"\u00e9\ud83d\ude00"}`))
	f.Add([]byte(`{"MESSAGE":"time=2026-11-24T12:00:00Z level=INFO msg=\"a b\" x=1"}`))
	f.Add([]byte(`{"MESSAGE":[116,105]}`))
	var l Line
	f.Fuzz(func(t *testing.T, line []byte) {
		if !l.Parse(line) {
			return
		}
		if l.Time.IsZero() && !bytes.Contains(line, []byte("0001")) {
			t.Error("no time")
		}
		total := 0
		l.Each(func(key, value []byte) {
			if len(key) == 0 {
				t.Error("a field without a name")
			}
			total += len(key) + len(value)
		})
		if total > 3*len(line) {
			t.Errorf("%d bytes of %d", total, len(line))
		}
	})
}

// FuzzRoundTrip: a value of a stranger comes back from both formats as it was.
func FuzzRoundTrip(f *testing.F) {
	f.Add("a b", "x=\"y\"\n")
	f.Fuzz(func(t *testing.T, from, reason string) {
		for _, format := range []string{"text", "json"} {
			var b bytes.Buffer
			New(&b, format, "relay").Info(MessageEvent, slog.String("from", from), slog.String("reason", reason))
			var l Line
			if !l.Parse(b.Bytes()) {
				t.Fatalf("%s: not read: %q", format, b.Bytes())
			}
			for name, want := range map[string]string{"from": from, "reason": reason} {
				if len(want) <= maxValue && utf8.ValidString(want) && string(l.Get(name)) != want {
					t.Errorf("%s: %q came back as %q", format, want, l.Get(name))
				}
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	line := []byte(`time=2026-11-24T12:00:00.123+01:00 level=INFO msg=message door=relay role=submission id=3F2A message_id=<x@y.example> client=192.0.2.7 user=alice auth=PLAIN mail_from=alice@example.org rcpts=1 bytes=2311 took=2.5ms action=accept result=signed from=alice@example.org identity=alice@example.org rule=1 form=clear reply="250 2.0.0 Ok: queued as 4ABC"`)
	b.SetBytes(int64(len(line)))
	var l Line
	for b.Loop() {
		if !l.Parse(line) {
			b.Fatal("not read")
		}
	}
}
