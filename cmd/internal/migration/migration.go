// Package migration reads the tables by which other signers say who signs what, and writes what
// means the same in dnseal.toml: see [OpenDKIM] and [SigningMilter].
//
// # Limitations
//
//   - Tables are read from text files. What a database, a directory or a script answers is not
//     asked for; it is said which table that concerns.
//   - The rules say what the other program did, not what would be wise: where it let every
//     submitter use every address, so does the rule, and a comment says it.
package migration

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/smime/message"
)

// Rules are what goes into dnseal.toml.
type Rules struct {
	// Keys are those that sign by DKIM. Verify: DKIM of incoming mail is verified.
	// Networks are those whose mail they sign without a login.
	Keys     []Key
	Verify   bool
	Networks []string
	// Lets become rules, in this order; Later: in comments, because they do more than the other
	// program did, and need what is not there yet.
	Lets  []Let
	Later bool
	// OpaqueFor and PlainFor are recipients with a form of their own.
	OpaqueFor, PlainFor []string
	// Remarks are sentences for a comment: what to look at before the rules are used.
	Remarks []string
	// Commands make or import the identities that the rules need.
	Commands []string
	// Left are what has no counterpart here, with file and line.
	Left []string
}

// Key signs by DKIM for a domain.
type Key struct{ Domain, Selector, File string }

// Let lets submitters use addresses.
type Let struct{ Who, From []string }

// left notes what has no counterpart.
func (r *Rules) left(at place, format string, args ...any) {
	r.Left = append(r.Left, fmt.Sprintf("%s: %s", at, fmt.Sprintf(format, args...)))
}

// pattern reports whether text names mail addresses in dnseal.toml; what does not is noted.
func (r *Rules) pattern(at place, text string) bool {
	p, err := message.ParsePattern(text)
	if err != nil || !p.IsAddress() {
		r.left(at, "%s names no mail addresses", cut(text))
		return false
	}
	return true
}

// remark adds a line for the comment.
func (r *Rules) remark(format string, args ...any) {
	r.Remarks = append(r.Remarks, fmt.Sprintf(format, args...))
}

// key adds a key once.
func (r *Rules) key(k Key) {
	if !slices.Contains(r.Keys, k) {
		r.Keys = append(r.Keys, k)
	}
}

// Write writes the rules in the form of dnseal.toml, with comments. Errors: those of w.
func (r *Rules) Write(w io.Writer) error {
	var b strings.Builder
	for _, text := range r.Left {
		cli.Print(&b, "# NOT TAKEN OVER: %s", text)
	}
	for _, text := range r.Remarks {
		cli.Print(&b, "# %s", text)
	}
	for _, text := range r.Commands {
		cli.Print(&b, "#   %s", text)
	}
	r.writeForms(&b)
	r.writeKeys(&b)
	for _, l := range r.Lets {
		rule := fmt.Sprintf("[[sign.rule]]\nwho  = %s\nfrom = %s", list(l.Who), list(l.From))
		if r.Later {
			rule = "# " + strings.ReplaceAll(rule, "\n", "\n# ")
		}
		cli.Print(&b, "\n%s", rule)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Rules) writeForms(b *strings.Builder) {
	if len(r.OpaqueFor)+len(r.PlainFor) == 0 {
		return
	}
	cli.Print(b, "\n[sign]")
	if len(r.OpaqueFor) > 0 {
		cli.Print(b, "opaque-for = %s", list(r.OpaqueFor))
	}
	if len(r.PlainFor) > 0 {
		cli.Print(b, "plain-for = %s", list(r.PlainFor))
	}
}

func (r *Rules) writeKeys(b *strings.Builder) {
	if len(r.Keys) == 0 && !r.Verify {
		return
	}
	cli.Print(b, "\n[dkim]")
	if r.Verify {
		cli.Print(b, "verify = true")
	}
	if len(r.Keys) == 0 {
		return
	}
	if len(r.Networks) > 0 {
		cli.Print(b, "networks = %s", list(r.Networks))
	}
	cli.Print(b, "sign = [")
	for _, k := range r.Keys {
		cli.Print(b, "  { domain = %q, selector = %q, key = %q },", k.Domain, k.Selector, k.File)
	}
	cli.Print(b, "]")
}

// list is a TOML array of strings, in lines of their own where there are many.
func list(values []string) string {
	const inLine = 4
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v) // readLines lets through what TOML writes alike
	}
	if len(values) <= inLine {
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return "[\n  " + strings.Join(quoted, ",\n  ") + ",\n]"
}
