// Package report counts what the log of relay and milter says: what was signed and verified, by
// whom, why not, and when.
//
//	read.go   files, standard input and the journal, line by line
//	count.go  one line
//	tally.go  tables whose memory is bounded
//	text.go   the report for people: html.go as a page
//
// # Limitations
//
// Memory is bounded, however large the log is and whatever strangers wrote into it: of each table
// the names with most messages are kept (2,000 at least), and the others are counted together.
package report

import (
	"cmp"
	"time"

	"dnseal/cmd/internal/logline"
)

// Options of a report. The zero value counts everything.
type Options struct {
	Since, Until time.Time // zero: no limit; Until itself is left out
	Door, Role   string    // empty: all
	Top          int       // rows of a table; 0: 10
	UTC          bool      // days in UTC, else in local time
}

// Outcomes of a message.
const (
	Signed    = "signed"    // by us
	Already   = "already"   // it was signed or encrypted already, and left alone
	Unsigned  = "unsigned"  // it went on without a signature
	Pass      = "pass"      // verified
	Failed    = "failed"    // verified, and neither pass nor none nor undecided
	Undecided = "undecided" // temperror
	Deferred  = "deferred"  // 4xx
	Refused   = "refused"   // 5xx
)

// Part is what the listeners of one kind did.
type Part struct {
	Messages int64             `json:"messages"`
	Bytes    int64             `json:"bytes"`
	Outcomes map[string]int64  `json:"outcomes"`
	Results  *Table            `json:"results"`  // by result: outcomes
	Reasons  *Table            `json:"reasons"`  // by result, code and class; not of signed and pass
	Days     *Table            `json:"days"`     // by day
	By       map[string]*Table `json:"by"`       // by user, tls, client, identity and from_domain
	Deferred *Table            `json:"deferred"` // by cause
}

// Report is what was counted; its JSON form is stable: fields are only added.
type Report struct {
	From        *time.Time `json:"from,omitempty"` // of the first and last line counted
	To          *time.Time `json:"to,omitempty"`
	Zone        string     `json:"zone"` // "UTC" or "local": of days
	Lines       int64      `json:"lines"`
	Unknown     int64      `json:"unknown_lines"` // they are not dnseal's
	Signing     *Part      `json:"signing"`
	Verifying   *Part      `json:"verifying"`
	Connections *Table     `json:"refused_connections"` // by reason
	Logins      *Table     `json:"failed_logins"`       // by mechanism and reason
	NoLogins    *Table     `json:"deferred_logins"`     // by zone or service
	Trouble     *Table     `json:"trouble"`             // lines of level WARN and ERROR, by msg
}

// names are the fields of [Part.By].
var names = []string{"user", "tls", "client", "identity", "from_domain"}

// part is a Part while it is counted.
type part struct {
	Part
	results, reasons, days, deferred tally
	by                               map[string]*tally
}

func newPart() *part {
	p := &part{Part: Part{Outcomes: map[string]int64{}}, by: map[string]*tally{}}
	for _, name := range names {
		p.by[name] = &tally{}
	}
	return p
}

// A Counter counts lines. It is made by [New].
type Counter struct {
	opts               Options
	line               logline.Line
	lines, unknown     int64
	from, to           time.Time
	signing, verifying *part

	connections, logins, noLogins, trouble tally
}

// New returns a Counter at zero.
func New(opts Options) *Counter {
	opts.Top = cmp.Or(opts.Top, 10)
	return &Counter{opts: opts, signing: newPart(), verifying: newPart()}
}

// Report is what was counted so far.
func (c *Counter) Report() *Report {
	r := &Report{
		Zone: "local", Lines: c.lines, Unknown: c.unknown, Signing: c.signing.done(c.opts.Top), Verifying: c.verifying.done(c.opts.Top),
		Connections: c.connections.top(c.opts.Top), Logins: c.logins.top(c.opts.Top), NoLogins: c.noLogins.top(c.opts.Top), Trouble: c.trouble.top(c.opts.Top),
	}
	if c.opts.UTC {
		r.Zone = "UTC"
	}
	if !c.from.IsZero() {
		r.From, r.To = &c.from, &c.to
	}
	return r
}

func (p *part) done(top int) *Part {
	out := p.Part
	out.Results, out.Reasons, out.Days, out.Deferred = p.results.top(top), p.reasons.top(top), p.days.days(), p.deferred.top(top)
	out.By = map[string]*Table{}
	for name, t := range p.by {
		out.By[name] = t.top(top)
	}
	return &out
}
