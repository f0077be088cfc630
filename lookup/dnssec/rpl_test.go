package dnssec_test

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// scenario is one replay file: what servers answer, and what a validator is asked and must say.
type scenario struct {
	anchors    strings.Builder
	want       string // status and code, in files of our own
	now        time.Time
	anyTime    bool     // dates are not looked at
	hardened   bool     // every algorithm of an anchor must be there
	aggressive bool     // denials are used for other names
	insecure   []string // negative trust anchors
	iterations int      // of NSEC3 that are still checked
	entries    []*rplEntry
	steps      []*rplStep
}

// rplEntry is one canned message.
type rplEntry struct {
	from, to int // steps it is good for
	match    map[string]bool
	flags    map[string]bool
	rcode    int
	name     string
	qtype    uint16
	answer   []dns.RR
	ns       []dns.RR
	extra    []dns.RR
}

// rplStep is one line of the script.
type rplStep struct {
	number int
	action string // QUERY, CHECK_ANSWER, TIME_PASSES
	elapse time.Duration
	*rplEntry
}

// rplReader reads the format of unbound's testbound: https://github.com/NLnetLabs/unbound, testcode/replay.h.
type rplReader struct {
	s        *scenario
	line     int
	from, to int
	entry    *rplEntry
	step     *rplStep
	section  *[]dns.RR
	question bool
	skip     bool   // until the end of a block
	open     string // a record that goes on in the next line
}

// readScenario reads one file.
func readScenario(path string) (*scenario, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &rplReader{s: &scenario{now: time.Unix(1, 0), iterations: 150}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		r.line++
		if err := r.read(lines.Text()); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, r.line, err)
		}
	}
	return r.s, lines.Err()
}

func (r *rplReader) read(line string) error {
	if want, ok := strings.CutPrefix(line, ";want "); ok {
		r.s.want = strings.TrimSpace(want)
	}
	line = strings.TrimSpace(stripComment(line))
	words := strings.Fields(line)
	if len(words) == 0 || r.skip && words[0] != "HEX_EDNSDATA_END" {
		return nil
	}
	switch words[0] {
	case "RANGE_BEGIN":
		var err error
		if r.from, err = strconv.Atoi(words[1]); err == nil {
			r.to, err = strconv.Atoi(words[2])
		}
		return err
	case "STEP":
		return r.readStep(words)
	case "ENTRY_BEGIN":
		r.entry = &rplEntry{from: r.from, to: r.to, match: map[string]bool{}, flags: map[string]bool{}}
		if r.step != nil {
			r.step.rplEntry = r.entry
		} else {
			r.s.entries = append(r.s.entries, r.entry)
		}
	case "MATCH":
		addWords(r.entry.match, words[1:])
	case "REPLY":
		return r.readReply(words[1:])
	case "SECTION":
		r.readSection(words[1])
	case "ADJUST", "ENTRY_END", "RANGE_END", "ADDRESS", "SCENARIO_BEGIN", "SCENARIO_END", "CONFIG_END",
		"EXTRA_PACKET":
		r.section, r.question = nil, false
	case "HEX_EDNSDATA_BEGIN", "HEX_EDNSDATA_END":
		// What is between them, and in other packets than the first one, does not matter
		// here.
		r.skip = words[0] == "HEX_EDNSDATA_BEGIN"
	default:
		return r.readOther(line)
	}
	return nil
}

// stripComment cuts at a semicolon outside quotes.
func stripComment(line string) string {
	quoted := false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			return line[:i]
		}
	}
	return line
}

func addWords(m map[string]bool, words []string) {
	for _, w := range words {
		m[w] = true
	}
}

func (r *rplReader) readStep(words []string) error {
	n, err := strconv.Atoi(words[1])
	if err != nil {
		return err
	}
	r.step = &rplStep{number: n, action: words[2]}
	if len(words) > 4 && words[3] == "ELAPSE" {
		seconds, err := strconv.ParseFloat(words[4], 64)
		if err != nil {
			return err
		}
		r.step.elapse = time.Duration(seconds * float64(time.Second))
	}
	r.s.steps = append(r.s.steps, r.step)
	return nil
}

func (r *rplReader) readReply(words []string) error {
	for _, w := range words {
		if rcode, ok := dns.StringToRcode[w]; ok {
			r.entry.rcode = rcode
		} else {
			r.entry.flags[w] = true
		}
	}
	return nil
}

func (r *rplReader) readSection(name string) {
	r.question = name == "QUESTION"
	r.section = map[string]*[]dns.RR{"ANSWER": &r.entry.answer, "AUTHORITY": &r.entry.ns, "ADDITIONAL": &r.entry.extra}[name]
}

// readOther is a question, a record or a line of configuration.
func (r *rplReader) readOther(line string) error {
	switch {
	case r.question:
		words := strings.Fields(line)
		r.entry.name = dns.Fqdn(words[0])
		var err error
		r.entry.qtype, err = typeNumber(words[len(words)-1])
		return err
	case r.section != nil:
		r.open += " " + line
		if strings.Count(r.open, "(") > strings.Count(r.open, ")") {
			return nil
		}
		text := strings.TrimSpace(r.open)
		r.open = ""
		rr, err := readRecord(text)
		if err != nil {
			return fmt.Errorf("record %q: %w", text, err)
		}
		sortTypes(rr)
		*r.section = append(*r.section, rr)
		return nil
	}
	return r.readConfig(line)
}

func typeNumber(word string) (uint16, error) {
	if t, ok := dns.StringToType[word]; ok {
		return t, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(word, "TYPE"), 10, 16)
	return uint16(n), err
}

// readRecord reads a record; one of RFC 3597 may hold data that its type cannot have, and goes out
// as it is.
func readRecord(text string) (dns.RR, error) {
	rr, err := dns.NewRR(text)
	if err == nil && rr != nil {
		return rr, nil
	}
	words := strings.Fields(text)
	raw := slices.Index(words, `\#`)
	if raw < 2 || raw+2 > len(words) {
		return nil, fmt.Errorf("no record: %w", err)
	}
	t, err := typeNumber(words[raw-1])
	return &dns.RFC3597{
		Hdr:   dns.RR_Header{Name: words[0], Rrtype: t, Class: dns.ClassINET, Ttl: 3600},
		Rdata: strings.Join(words[raw+2:], ""),
	}, err
}

// sortTypes brings a type bit map into the order it has on the wire.
func sortTypes(rr dns.RR) {
	switch rr := rr.(type) {
	case *dns.NSEC:
		slices.Sort(rr.TypeBitMap)
	case *dns.NSEC3:
		slices.Sort(rr.TypeBitMap)
	}
}

func (r *rplReader) readConfig(line string) error {
	key, value, ok := strings.Cut(line, ":")
	if !ok {
		return nil
	}
	value, _, _ = strings.Cut(value, "#")
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	switch key {
	case "trust-anchor":
		r.s.anchors.WriteString(value + "\n")
	case "val-override-date":
		return r.readDate(value)
	case "val-nsec3-keysize-iterations":
		_, err := fmt.Sscanf(value, "%d %d", new(int), &r.s.iterations)
		return err
	case "domain-insecure":
		r.s.insecure = append(r.s.insecure, dns.CanonicalName(value))
	case "aggressive-nsec":
		r.s.aggressive = value == "yes"
	case "harden-algo-downgrade":
		r.s.hardened = value == "yes"
	case "val-override-timestamp":
		seconds, err := strconv.ParseInt(value, 10, 64)
		r.s.now = time.Unix(seconds, 0)
		return err
	}
	return nil
}

// readDate reads a clock; -1 switches it off.
func (r *rplReader) readDate(value string) error {
	if value == "-1" {
		r.s.anyTime = true
		return nil
	}
	t, err := time.Parse("20060102150405", value)
	r.s.now = t
	return err
}
