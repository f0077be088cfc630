package smime

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pythonMessage is a message as Python's email package takes it apart.
type pythonMessage struct {
	fields             [][2]string
	preamble, epilogue *string
	text               string
	parts              []*pythonMessage // nil: text
	// in multipart/digest: a message, where nothing else is said
	attached bool
}

// pythonRewrite imitates email.message_from_bytes(msg).as_bytes(), which Mailman 3, getmail6 and
// offlineimap3 do to every message; quote is its mangle_from_. What it does to 8-bit content and to
// the outer header, which it may fold, is left out.
func pythonRewrite(msg string, quote bool) string {
	p := pythonParser{lines: pythonLines(msg)}
	w := pythonWriter{quote: quote}
	return w.message(p.message(false))
}

// pythonLines cuts at CR, LF and CRLF.
func pythonLines(s string) []string {
	var lines []string
	for s != "" {
		i := strings.IndexAny(s, "\r\n")
		switch {
		case i < 0:
			i = len(s) - 1
		case strings.HasPrefix(s[i:], "\r\n"):
			i++
		}
		lines, s = append(lines, s[:i+1]), s[i+1:]
	}
	return lines
}

func withoutEnd(s string) string {
	if strings.HasSuffix(s, "\r\n") {
		return s[:len(s)-2]
	}
	if n := len(s); n > 0 && (s[n-1] == '\n' || s[n-1] == '\r') {
		return s[:n-1]
	}
	return s
}

// pythonParser is email.feedparser.
type pythonParser struct {
	lines []string
	ends  []func(line string) bool
	last  *pythonMessage
}

// next returns the next line, or "" where a boundary around it comes.
func (p *pythonParser) next() string {
	if len(p.lines) == 0 {
		return ""
	}
	for _, end := range p.ends {
		if end(p.lines[0]) {
			return ""
		}
	}
	line := p.lines[0]
	p.lines = p.lines[1:]
	return line
}

func (p *pythonParser) until(ends func(string) bool, one func()) {
	p.ends = append(p.ends, ends)
	one()
	p.ends = p.ends[:len(p.ends)-1]
}

func (p *pythonParser) rest() string {
	var b strings.Builder
	for line := p.next(); line != ""; line = p.next() {
		b.WriteString(line)
	}
	return b.String()
}

var (
	pythonField = regexp.MustCompile(`^(?:From |[!-9;-~]*:|[\t ])`)
	pythonParam = regexp.MustCompile(`(?:[^;"]|"[^"]*")+`)
	pythonBlank = regexp.MustCompile(`^[\r\n]`)
)

func (p *pythonParser) message(attached bool) *pythonMessage {
	m := &pythonMessage{attached: attached}
	p.last = m
	p.header(m)
	switch kind := m.kind(); {
	case kind == "message/delivery-status":
		p.status(m)
	case strings.HasPrefix(kind, "message/"):
		m.parts = []*pythonMessage{p.message(false)}
	case strings.HasPrefix(kind, "multipart/"):
		p.multipart(m)
	default:
		m.text = p.rest()
	}
	return m
}

func (p *pythonParser) header(m *pythonMessage) {
	for {
		line := p.next()
		switch {
		case line == "" || pythonBlank.MatchString(line):
			return
		case !pythonField.MatchString(line):
			p.lines = append([]string{line}, p.lines...)
			return
		case line[0] == ' ' || line[0] == '\t':
			if n := len(m.fields); n > 0 {
				m.fields[n-1][1] += line
			}
		case strings.HasPrefix(line, "From ") || line[0] == ':':
		default:
			name, value, _ := strings.Cut(line, ":")
			m.fields = append(m.fields, [2]string{name, strings.TrimLeft(value, " \t")})
		}
	}
}

// status reads the headers of a delivery status.
func (p *pythonParser) status(m *pythonMessage) {
	m.parts = []*pythonMessage{}
	for {
		p.until(pythonBlank.MatchString, func() { m.parts = append(m.parts, p.message(false)) })
		p.next()
		line := p.next()
		if line == "" {
			return
		}
		p.lines = append([]string{line}, p.lines...)
	}
}

func (p *pythonParser) multipart(m *pythonMessage) {
	boundary, ok := m.boundary()
	if !ok {
		m.text = p.rest()
		return
	}
	delimiter := pythonDelimiter("--" + boundary)
	before, begun, last := "", false, ""
	var preamble *string
	for line := p.next(); line != ""; line = p.next() {
		closing, is := delimiter.match(line)
		if !is {
			before += line
			s := withoutEnd(before)
			preamble = &s
			continue
		}
		if closing {
			last = line
			break
		}
		if !begun {
			m.preamble, begun = preamble, true
		}
		for len(p.lines) > 0 && delimiter.matches(p.lines[0]) {
			p.lines = p.lines[1:]
		}
		p.until(delimiter.matches, func() { m.parts = append(m.parts, p.message(m.kind() == "multipart/digest")) })
		p.last.end()
		p.last = m
	}
	switch {
	case !begun:
		m.text, m.parts = before, nil
		p.rest()
		none := ""
		m.epilogue = &none
	case last != "":
		epilogue := p.rest()
		if withoutEnd(last) == last {
			epilogue = strings.TrimPrefix(epilogue, "\n")
		}
		m.epilogue = &epilogue
	}
}

// pythonDelimiter tells delimiter lines, and whether they close.
type pythonDelimiter string

func (d pythonDelimiter) match(line string) (closing, is bool) {
	rest, ok := strings.CutPrefix(line, string(d))
	if !ok {
		return false, false
	}
	rest = strings.TrimRight(withoutEnd(rest), " \t")
	return rest == "--", rest == "--" || rest == ""
}

func (d pythonDelimiter) matches(line string) bool {
	_, is := d.match(line)
	return is
}

// end takes the line end off that belongs to a delimiter.
func (m *pythonMessage) end() {
	switch {
	case !strings.HasPrefix(m.kind(), "multipart/"):
		m.text = withoutEnd(m.text)
	case m.epilogue != nil && *m.epilogue == "":
		m.epilogue = nil
	case m.epilogue != nil:
		s := withoutEnd(*m.epilogue)
		m.epilogue = &s
	}
}

func (m *pythonMessage) get(name string) (string, bool) {
	for _, f := range m.fields {
		if strings.EqualFold(f[0], name) {
			return f[1], true
		}
	}
	return "", false
}

func (m *pythonMessage) kind() string {
	v, ok := m.get("Content-Type")
	if !ok && m.attached {
		return "message/rfc822"
	}
	v, _, _ = strings.Cut(v, ";")
	if v = strings.ToLower(strings.TrimSpace(v)); strings.Count(v, "/") != 1 {
		return "text/plain"
	}
	return v
}

func (m *pythonMessage) boundary() (string, bool) {
	v, _ := m.get("Content-Type")
	for _, param := range pythonParam.FindAllString(v, -1) {
		name, value, ok := strings.Cut(param, "=")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "boundary") {
			continue
		}
		if value = strings.TrimSpace(value); len(value) > 1 && value[0] == '"' {
			value = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(strings.Trim(value, `"`))
		}
		return strings.TrimRight(value, " \t"), true
	}
	return "", false
}

// pythonWriter is email.generator with the policy compat32.
type pythonWriter struct{ quote bool }

var (
	anyLineEnd  = strings.NewReplacer("\r\n", "\n", "\r", "\n")
	headerLines = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\x1c", "\n", "\x1d", "\n", "\x1e", "\n")
	fromLine    = regexp.MustCompile("(?m)^From ")
)

func (w pythonWriter) lines(s string) string {
	s = anyLineEnd.Replace(s)
	if w.quote {
		s = fromLine.ReplaceAllString(s, ">From ")
	}
	return s
}

func (w pythonWriter) message(m *pythonMessage) string {
	var b strings.Builder
	for _, f := range m.fields {
		lines := strings.Split(headerLines.Replace(strings.TrimRight(f[1], "\r\n")), "\n")
		for i := range lines[:len(lines)-1] {
			lines[i] = strings.TrimRight(lines[i], " \t")
		}
		lines = append(lines[:1], slices.DeleteFunc(lines[1:], func(l string) bool { return strings.Trim(l, " \t") == "" })...)
		b.WriteString(f[0] + ": " + strings.Join(lines, "\n") + "\n")
	}
	return b.String() + "\n" + w.body(m)
}

func (w pythonWriter) body(m *pythonMessage) string {
	kind := m.kind()
	switch {
	case m.parts == nil && strings.HasPrefix(kind, "multipart/"):
		return m.text
	case m.parts == nil:
		return w.lines(m.text)
	case kind == "message/delivery-status":
		var blocks []string
		for _, p := range m.parts {
			blocks = append(blocks, strings.TrimSuffix(w.message(p), "\n"))
		}
		return strings.Join(blocks, "\n")
	case strings.HasPrefix(kind, "message/"):
		return w.message(m.parts[0])
	}
	boundary, _ := m.boundary()
	out := ""
	if m.preamble != nil {
		out = w.lines(*m.preamble) + "\n"
	}
	for i, p := range m.parts {
		if i > 0 {
			out += "\n"
		}
		out += "--" + boundary + "\n" + w.message(p)
	}
	out += "\n--" + boundary + "--\n"
	if m.epilogue != nil {
		out += w.lines(*m.epilogue)
	}
	return out
}

// pythonForms are the ways in which programs use the package; the first is imitated.
var pythonForms = []string{"compat32", "compat32, quoting From", "default", "SMTP", "as_string"}

// python runs the real one.
type python struct {
	in  *bufio.Writer
	out *bufio.Reader
}

const pythonScript = `
import email, email.generator, email.policy as P, io, struct, sys
i, o = sys.stdin.buffer, sys.stdout.buffer
def quoting(m):
    f = io.BytesIO()
    email.generator.BytesGenerator(f, mangle_from_=True, policy=P.compat32).flatten(m)
    return f.getvalue()
while True:
    n = i.read(4)
    if not n: break
    b = i.read(struct.unpack('>I', n)[0])
    m = email.message_from_bytes(b)
    for one in (m.as_bytes, lambda: quoting(m), lambda: email.message_from_bytes(b, policy=P.default).as_bytes(),
        lambda: email.message_from_bytes(b, policy=P.SMTP).as_bytes(), lambda: m.as_string().encode('ascii', 'surrogateescape')):
        try: r = one()
        except Exception: r = b''
        o.write(struct.pack('>I', len(r)) + r)
    o.flush()
`

// startPython returns nil where there is no Python. The test ends it.
func startPython(t *testing.T) *python {
	t.Helper()
	const program = "/usr/bin/python3"
	if _, err := os.Stat(program); err != nil {
		return nil
	}
	cmd := exec.CommandContext(t.Context(), program, "-c", pythonScript)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &python{bufio.NewWriter(in), bufio.NewReader(out)}
}

// rewrite returns what each form makes of a message; "" for one that cannot write it.
func (p *python) rewrite(msg string) ([]string, error) {
	size := binary.BigEndian.AppendUint32(nil, uint32(len(msg)))
	p.in.Write(size)
	p.in.WriteString(msg)
	if err := p.in.Flush(); err != nil {
		return nil, err
	}
	var all []string
	for range pythonForms {
		if _, err := io.ReadFull(p.out, size); err != nil {
			return nil, err
		}
		b := make([]byte, binary.BigEndian.Uint32(size))
		if _, err := io.ReadFull(p.out, b); err != nil {
			return nil, err
		}
		all = append(all, string(b))
	}
	return all, nil
}
