package evidence

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

// messageLines are lines about messages as Writer writes them.
func messageLines(tb testing.TB) [][]byte {
	tb.Helper()
	digest := hashOf(nil).String()
	at := time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC)
	var out [][]byte
	for _, m := range []*Message{
		{SHA256: digest, Size: 2345, Signatures: []string{digest}, MessageID: "<a&b@example.org>", From: "alice@example.org", CheckedAt: at, Verdict: "pass", Lookups: []string{digest}, Anchors: digest, Policy: digest},
		{Size: 0, Signatures: []string{digest, digest}, CheckedAt: at.Truncate(time.Second), Verdict: "fail", Code: "bad-digest", Lookups: []string{}},
	} {
		line, _, err := encode(&record{Message: m}, "")
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, line)
	}
	return out
}

// TestPlain: what Writer writes is read without encoding/json, and nothing that is not quite that.
func TestPlain(t *testing.T) {
	t.Parallel()
	lines := messageLines(t)
	for _, l := range lines {
		if !agrees(t, l) {
			t.Errorf("it is read as JSON: %s", l)
		}
	}
	for name, change := range map[string][2]string{
		"another kind":           {`{"message":`, `{"Message":`},
		"a space":                {`"size":`, `"size": `},
		"a field in upper case":  {`"size":`, `"Size":`},
		"a field twice":          {`"size":2345`, `"size":1,"size":2345`},
		"fields in other order":  {`"verdict":"pass","code":""`, `"code":"","verdict":"pass"`},
		"an unknown field":       {`"size":`, `"x":{"size":9},"size":`},
		"a field after the last": {`},"sum"`, `,"x":1},"sum"`},
		"a kind after it":        {`},"sum"`, `},"policy":{"saved":true},"sum"`},
		"the message twice":      {`},"sum"`, `},"message":{"size":7},"sum"`},
		"the message null":       {`},"sum"`, `},"message":null,"sum"`},
		"no sum":                 {`},"sum":`, `},"sun":`},
		"an escape":              {`alice`, `\u0061lice`},
		"a character":            {`alice`, `alicé`},
		"no UTF-8":               {`alice`, "alic\xe9"},
		"a control character":    {`alice`, "al\tice"},
		"DEL":                    {`alice`, "al\x7fice"},
		"null for a text":        {`"alice@example.org"`, `null`},
		"null for a list":        {`"lookups":[`, `"lookups":null,"x":[`},
		"an empty list":          {`"signatures":[`, `"signatures":[],"x":[`},
		"null in a list":         {`"lookups":[`, `"lookups":[null,`},
		"a comma too many":       {`],"anchors"`, `,],"anchors"`},
		"a number too long":      {`2345`, `1234567890123456789`},
		"a number out of range":  {`2345`, `9999999999999999999`},
		"a leading zero":         {`2345`, `02345`},
		"a negative number":      {`2345`, `-2345`},
		"a fraction":             {`2345`, `2345.0`},
		"a power":                {`2345`, `2e3`},
		"no number":              {`2345`, ``},
		"a number as a text":     {`2345`, `"2345"`},
		"another time zone":      {`789Z`, `789+01:00`},
		"no time":                {`789Z`, `789`},
		"another line after it":  {`"}`, `"} `},
		"something after it":     {`"}`, `"}}`},
		"an unfinished text":     {`"alice@example.org"`, `"alice@example.org`},
	} {
		changed := bytes.Replace(lines[0], []byte(change[0]), []byte(change[1]), 1)
		if name == "another line after it" || name == "something after it" {
			changed = append(bytes.TrimSuffix(lines[0], []byte(change[0])), change[1]...)
		}
		if bytes.Equal(changed, lines[0]) {
			t.Errorf("%s: nothing is changed", name)
		}
		if agrees(t, changed) && !strings.Contains(name, "time zone") {
			t.Errorf("%s: it is not read as JSON: %s", name, changed)
		}
	}
}

// TestPlainEveryOctet: a line with any octet changed, left out or there twice means the same both
// ways.
func TestPlainEveryOctet(t *testing.T) {
	t.Parallel()
	for _, l := range messageLines(t) {
		for i := range l {
			for _, c := range []byte("\"\\{}[],:0-nZ \x00\x80") {
				agrees(t, bytes.Join([][]byte{l[:i], {c}, l[i+1:]}, nil))
				agrees(t, bytes.Join([][]byte{l[:i], {c}, l[i:]}, nil))
			}
			agrees(t, bytes.Join([][]byte{l[:i], l[i+1:]}, nil))
			agrees(t, l[:i])
		}
	}
}

// FuzzPlain: no line means another thing when it is read without encoding/json.
func FuzzPlain(f *testing.F) {
	for _, l := range messageLines(f) {
		f.Add(l)
	}
	f.Fuzz(func(t *testing.T, line []byte) { agrees(t, line) })
}

// agrees reports whether a line is read without encoding/json, and fails where it means another
// thing then.
func agrees(tb testing.TB, line []byte) bool {
	tb.Helper()
	p := plain{rest: string(line)}
	m, ok := p.message()
	if !ok {
		return false
	}
	r, err := parse(line)
	if err != nil || !reflect.DeepEqual(r, &record{Message: m}) {
		tb.Errorf("%s is read as %+v, and by encoding/json as %+v, %v", line, m, r, err)
	}
	return true
}

// TestMessageLine: lines in other forms of JSON are read, and what is no message is refused.
func TestMessageLine(t *testing.T) {
	t.Parallel()
	line := string(messageLines(t)[0])
	want, err := parseMessage([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	spaced := strings.NewReplacer(`":`, `": `, `alice`, `\u0061lice`).Replace(line)
	if m, err := parseMessage([]byte(spaced)); err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("%+v, %v", m, err)
	}
	for _, none := range []string{`{"message":null,"sum":""}`, `{"seal":{}}`, `{"message":7}`, line[:len(line)-1], ``} {
		if m, err := parseMessage([]byte(none)); err == nil {
			t.Errorf("%s is read as %+v", none, m)
		}
	}
}
