package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

const relayed = `time=2026-11-24T23:30:00.000+01:00 level=INFO msg=message door=relay role=submission id=1 message_id=<a@b.example> client=192.0.2.1 user=alice bytes=100 action=accept result=signed from=alice@example.org identity=alice@example.org reply="250 2.0.0 Ok"
time=2026-11-25T01:00:00.000+01:00 level=WARN msg=message door=relay role=submission id=2 client=192.0.2.1 user=bob bytes=10 action=defer result=key-not-published class=key-not-published code=record-absent reason="no record" from=bob@example.org identity=bob@example.org reply="451 4.7.5 Later"
time=2026-11-25T01:00:00.000+01:00 level=INFO msg=message door=relay role=submission id=3 user=alice bytes=10 action=accept result=signed from=alice@example.org reply="451 4.3.0 next hop"
time=2026-11-25T01:00:00.000+01:00 level=WARN msg="relay: connection refused" door=relay role=submission reason=busy error=x not_logged=4
time=2026-11-25T01:00:00.000+01:00 level=WARN msg="relay: login failed" door=relay role=submission mechanism=PLAIN reason=wrong error=x
time=2026-11-25T01:00:00.000+01:00 level=WARN msg="relay: logins deferred" door=relay role=submission zone=example.net. error=x not_logged=1
time=2026-11-25T01:00:00.000+01:00 level=ERROR msg="not reloaded, the old configuration stays" door=relay error="line 3"
Nov 25 01:00:00 mail postfix/smtpd[1]: connect
`

const verified = `{"time":"2026-11-24T12:00:00Z","level":"INFO","msg":"message","door":"milter","role":"verify","id":"4","bytes":5,"action":"accept","result":"pass","from":"x@Bank.example"}
{"time":"2026-11-24T12:00:00Z","level":"INFO","msg":"message","door":"milter","role":"verify","id":"5","bytes":5,"action":"accept","result":"fail","code":"bad-digest","class":"bad-signature","reason":"it was changed","from":"x@bank.example"}
{"time":"2026-11-24T12:00:00Z","level":"INFO","msg":"message","role":"sign","id":"6","bytes":5,"action":"accept","result":"observe:signed","from":"x@bank.example"}
`

func count(t *testing.T, opts Options, logs ...string) *Report {
	t.Helper()
	c := New(opts)
	for _, log := range logs {
		if err := Read(t.Context(), strings.NewReader(log), c.Line); err != nil {
			t.Fatal(err)
		}
	}
	return c.Report()
}

// short is the rows of a table in words.
func short(table *Table) string {
	var words []string
	for _, r := range table.rows() {
		words = append(words, fmt.Sprintf("%s:%d%v", r.Name, r.Messages, r.By))
	}
	return strings.ReplaceAll(strings.Join(words, " "), "map", "")
}

// TestReport counts the lines of both doors, in both formats and any order.
func TestReport(t *testing.T) {
	t.Parallel()
	for _, logs := range [][]string{{relayed, verified}, {verified, relayed}} {
		r := count(t, Options{UTC: true}, logs...)
		for name, tt := range map[string]struct{ got, want string }{
			"lines":       {fmt.Sprint(r.Lines, r.Unknown), "11 1"},
			"times":       {r.From.UTC().Format(time.RFC3339) + " " + r.To.UTC().Format(time.RFC3339), "2026-11-24T12:00:00Z 2026-11-25T00:00:00Z"},
			"signing":     {fmt.Sprint(r.Signing.Messages, r.Signing.Bytes, r.Signing.Outcomes), "4 125 map[deferred:2 signed:1 unsigned:1]"},
			"verifying":   {fmt.Sprint(r.Verifying.Messages, r.Verifying.Outcomes), "2 map[failed:1 pass:1]"},
			"results":     {short(r.Signing.Results), "signed:2[deferred:1 signed:1] key-not-published:1[deferred:1] observe:signed:1[unsigned:1]"},
			"days":        {short(r.Signing.Days), "2026-11-24:2[signed:1 unsigned:1] 2026-11-25:2[deferred:2]"},
			"users":       {short(r.Signing.By["user"]), "alice:2[deferred:1 signed:1] bob:1[deferred:1]"},
			"domains":     {short(r.Verifying.By["from_domain"]), "bank.example:2[failed:1 pass:1]"},
			"reasons":     {short(r.Verifying.Reasons), "fail bad-digest (bad-signature):1[failed:1]"},
			"causes":      {short(r.Signing.Deferred), "key-not-published record-absent:1[] signed reply 451:1[]"},
			"connections": {short(r.Connections), "busy:5[]"},
			"logins":      {short(r.Logins), "PLAIN wrong:1[]"},
			"deferred":    {short(r.NoLogins), "example.net.:2[]"},
			"trouble":     {short(r.Trouble), "ERROR not reloaded, the old configuration stays:1[]"},
		} {
			if tt.got != tt.want {
				t.Errorf("%s: %s, want %s", name, tt.got, tt.want)
			}
		}
	}
}

// TestFilters leaves out what is not asked for.
func TestFilters(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		when, err := ParseTime(text, true)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, tt := range []struct {
		opts               Options
		signing, verifying int64
	}{
		{Options{Door: "milter"}, 1, 2},
		{Options{Door: "relay"}, 3, 0},
		{Options{Role: "verify"}, 0, 2},
		{Options{Since: at("2026-11-25")}, 2, 0},
		{Options{Until: at("2026-11-24 22:30")}, 1, 2},
		{Options{Since: at("2026-11-24T22:30:00Z"), Until: at("2026-11-24 22:31")}, 1, 0},
	} {
		if r := count(t, tt.opts, relayed, verified); r.Signing.Messages != tt.signing || r.Verifying.Messages != tt.verifying {
			t.Errorf("%+v: %d and %d", tt.opts, r.Signing.Messages, r.Verifying.Messages)
		}
	}
	for _, wrong := range []Options{{Top: 1, Door: "window"}, {Top: 1, Role: "x y"}, {}, {Top: 1e6}} {
		if wrong.Check() == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
	if _, err := ParseTime("soon", false); err == nil {
		t.Error("a time that is none")
	}
	if when, err := ParseTime("7d", false); err != nil || time.Since(when) < 167*time.Hour {
		t.Errorf("7d: %v, %v", when, err)
	}
}

// hostile are lines whose every value is new and long.
func hostile(n int) string {
	return fmt.Sprintf("time=%04d-01-01T00:00:00Z level=WARN msg=message role=submission action=accept user=u%d tls=t%d client=c%d identity=i%d from=%s@d%d.example result=r%d code=c%d class=x%d reason=%q\n",
		n%10000, n, n, n, n, strings.Repeat("x", 300), n, n, n, n, strings.Repeat("<script>", 20))
}

// TestBounded: strangers' names do not fill the memory, nor hide who is there often, and all are
// counted.
func TestBounded(t *testing.T) {
	t.Parallel()
	const lines = 60_000
	c := New(Options{UTC: true})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range lines {
		c.Line([]byte(hostile(n)))
		if n%20 == 0 {
			c.Line([]byte(strings.SplitAfter(relayed, "\n")[0]))
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 64<<20 {
		t.Errorf("%d MiB", used>>20)
	}
	users := c.Report().Signing.By["user"]
	if !users.Approximate || users.Rows[0].Name != "alice" || users.Rows[0].Messages != lines/20 {
		t.Errorf("first of the users: %+v", users.Rows[0])
	}
	total := int64(0)
	for _, r := range users.rows() {
		total += r.Messages
	}
	if total != lines+lines/20 {
		t.Errorf("%d messages of users, of %d", total, lines+lines/20)
	}
}

// TestPage: what strangers wrote is text in the page, and nothing is loaded from outside.
func TestPage(t *testing.T) {
	t.Parallel()
	r := count(t, Options{}, hostile(1), strings.ReplaceAll(relayed, "user=alice", `user="<img src=x onerror=alert(1)>\u202e"`))
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, wrong := range []string{"<script", "<img", "http:", "https:", "\u202e", "url("} {
		if strings.Contains(page, wrong) {
			t.Errorf("%q is in the page", wrong)
		}
	}
	for _, want := range []string{"&lt;img src=x", "&lt;script&gt;", `content="default-src 'none';`} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
}

// TestText: no line of strangers' making, and none too wide for a terminal.
func TestText(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := count(t, Options{UTC: true}, hostile(1), relayed, verified, strings.ReplaceAll(relayed, "alice", `"a\x1b[2J\nb"`)).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(line)); n > 81 || strings.ContainsRune(line, '\x1b') {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	var again Report
	text, err := json.Marshal(count(t, Options{}, relayed))
	if err != nil || json.Unmarshal(text, &again) != nil || again.Signing.Outcomes[Signed] != 1 {
		t.Errorf("JSON: %v\n%s", err, text)
	}
}

// TestFind prints the lines of one message.
func TestFind(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"<a@b.example>", "a@b.example"} {
		f, found := NewFinder(Options{}, id), 0
		for line := range strings.Lines(relayed + verified) {
			if text := f.Line([]byte(line)); text != "" {
				if found++; !strings.Contains(text, `result=signed`) || !strings.Contains(text, `reply="250 2.0.0 Ok"`) {
					t.Error(text)
				}
			}
		}
		if found != 1 {
			t.Errorf("%s: %d lines", id, found)
		}
	}
}

// TestRead: compressed logs, long lines, a last line without an end, a damaged file.
func TestRead(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, "a\n"+strings.Repeat("x", 3*bufferSize)+"\nend")
	_ = z.Close()
	var lines []int
	if err := Read(t.Context(), bytes.NewReader(b.Bytes()), func(line []byte) { lines = append(lines, len(line)) }); err != nil || fmt.Sprint(lines) != fmt.Sprint([]int{2, bufferSize, 3}) {
		t.Errorf("%v, %v", lines, err)
	}
	if err := Read(t.Context(), bytes.NewReader(b.Bytes()[:b.Len()-9]), func([]byte) {}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a damaged file: %v", err)
	}
}

// FuzzLine: no line makes a report fail, or one that cannot be written.
func FuzzLine(f *testing.F) {
	for line := range strings.Lines(relayed + verified) {
		f.Add([]byte(line))
	}
	c := New(Options{})
	f.Fuzz(func(t *testing.T, line []byte) {
		c.Line(line)
		if err := c.Report().WriteText(io.Discard); err != nil {
			t.Error(err)
		}
	})
}
