package verify

import (
	"context"
	"io"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/columns"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// topGroups is how many signers and reasons a summary names.
const topGroups = 10

// summary is a sink that writes tables after the last of several messages: verdicts, signers and
// reasons. It has what was verified where the run ended early.
type summary struct {
	w        io.Writer
	output   Output
	messages int
	shown    int
	verdicts, signers,
	reasons *tally
}

func newSummary(w io.Writer, o Output) *summary {
	return &summary{w: w, output: o, verdicts: newTally(), signers: newTally(), reasons: newTally()}
}

func (s *summary) Read(context.Context, *message.Message, *receiver.Report) error { return nil }

func (s *summary) Write(r *receiver.Report) error {
	s.messages++
	if s.output.Only.chooses(r) {
		s.shown++
	}
	s.verdicts.add(string(r.Verdict), r.Verdict)
	s.signers.add(signer(r), r.Verdict)
	if r.Verdict != receiver.Pass {
		s.reasons.add(reason(r), r.Verdict)
	}
	return nil
}

// Close writes the tables, where there were several messages.
func (s *summary) Close() error {
	if s.messages < 2 {
		return nil
	}
	p := printer{w: s.w}
	p.printf("\n%s messages", number(s.messages))
	if s.shown < s.messages {
		p.printf(", %s of them shown", number(s.shown))
	}
	p.printf("\n\n")
	p.table(s.ofVerdicts(), s.output.Style.Width)
	p.printf("\n")
	p.table(counted("SIGNER", s.signers, topGroups), s.output.Style.Width)
	p.left("signers", s.signers, topGroups)
	if len(s.reasons.groups) > 0 {
		p.printf("\n")
		p.table(s.ofReasons(), s.output.Style.Width)
		p.left("reasons", s.reasons, topGroups)
	}
	return p.err
}

func (s *summary) ofVerdicts() *columns.Table {
	t := &columns.Table{Header: []string{"VERDICT", "MESSAGES"}, Least: []int{0, 0}}
	for _, v := range s.verdicts.occurring() {
		t.Rows = append(t.Rows, []string{string(v), number(s.verdicts.groups[string(v)].total)})
	}
	right(t.Header, t.Rows, 1)
	return t
}

func (s *summary) ofReasons() *columns.Table { return reasons(s.reasons, s.output, topGroups) }

// reasons is a table of codes, each with its meaning.
func reasons(t *tally, o Output, most int) *columns.Table {
	out := &columns.Table{Header: []string{"REASON", "MESSAGES", "VERDICT", "MEANING"}, Least: []int{0, 0, 0, 24}, Gives: 3, GivesTo: 24}
	for i, g := range t.sorted() {
		if i == most {
			break
		}
		row := []string{cli.Printable(g.name), number(g.total), verdictsOf(g), ""}
		if o.Meaning != nil {
			row[3] = o.Meaning(g.name)
		}
		out.Rows = append(out.Rows, row)
	}
	right(out.Header, out.Rows, 1)
	return out
}

// verdictsOf are the verdicts in a group, best first.
func verdictsOf(g *group) string {
	var words []receiver.Verdict
	for _, v := range verdictWords {
		if g.by[v] > 0 {
			words = append(words, v)
		}
	}
	return join(words)
}

// counted is a table of groups with a column for each verdict that occurs; most is how many groups
// it has at most.
func counted(heading string, t *tally, most int) *columns.Table {
	occurring := t.occurring()
	out := &columns.Table{Header: []string{heading, "MESSAGES"}, Least: make([]int, 2+len(occurring))}
	out.Least[0] = 24
	for _, v := range occurring {
		out.Header = append(out.Header, upper(v))
	}
	for i, g := range t.sorted() {
		if i == most {
			break
		}
		row := []string{cli.Printable(g.name), number(g.total)}
		for _, v := range occurring {
			n := "-"
			if g.by[v] > 0 {
				n = number(g.by[v])
			}
			row = append(row, n)
		}
		out.Rows = append(out.Rows, row)
	}
	for c := range out.Header[1:] {
		right(out.Header, out.Rows, c+1)
	}
	return out
}

// grouped is a sink that counts the messages by group, and writes a table of all groups at the end.
type grouped struct {
	w      io.Writer
	output Output
	name   func(*receiver.Report) string
	tally  *tally
	total  int
}

func newGrouped(w io.Writer, o Output) *grouped {
	name := map[string]func(*receiver.Report) string{"signer": signer, "domain": domain, "reason": reason}[o.GroupBy]
	return &grouped{w: w, output: o, name: name, tally: newTally()}
}

func (g *grouped) Read(context.Context, *message.Message, *receiver.Report) error { return nil }

func (g *grouped) Write(r *receiver.Report) error {
	g.total++
	g.tally.add(g.name(r), r.Verdict)
	return nil
}

func (g *grouped) Close() error {
	p := printer{w: g.w}
	switch {
	case g.total == 0:
		p.printf("no messages to count\n")
		return p.err
	case g.output.GroupBy == "reason":
		p.table(reasons(g.tally, g.output, maxGroups), g.output.Style.Width)
	default:
		p.table(counted(upper(g.output.GroupBy), g.tally, maxGroups), g.output.Style.Width)
	}
	p.left(g.output.GroupBy+"s", g.tally, maxGroups)
	p.printf("\n%s\n", messages(g.total))
	return p.err
}
