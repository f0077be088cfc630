package manual

import (
	"fmt"
	"strings"

	"dnseal/cmd/internal/config"
)

// configPage is dnseal.toml(5) in roff.
func configPage() (string, error) {
	sections, err := config.Manual()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `.TH DNSEAL.TOML 5 %q dnseal
`+ragged+`.SH NAME
dnseal.toml \- configuration of dnseal relay and dnseal milter
.SH DESCRIPTION
One file in TOML form for both. It is read strictly: an unknown key is an error. Test it with
.BR dnseal-check (1).
SIGHUP makes the daemons read it again; when it has a mistake, the old configuration stays. Sizes are numbers of bytes, or strings with a unit and no
space: "512K", "50MB", "1GiB". K, KB and KiB are 1024 bytes, M, MB and MiB 1024 K, G, GB and GiB 1024 M. Times are strings with a unit, such as "90s" or "5m".
`, manDate)
	for _, s := range sections {
		name := s.Name
		if name == "" {
			name = "TOP OF THE FILE"
		}
		fmt.Fprintf(&b, ".SH %q\n%s\n", name, roff(s.Text))
		for _, k := range s.Keys {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(k.Name), roff(k.Text))
		}
	}
	b.WriteString(examples())
	b.WriteString(daemonText)
	b.WriteString(".SH SEE ALSO\n.BR dnseal-relay (1),\n.BR dnseal-milter (1),\n.BR dnseal-check (1),\n.BR dnseal-verdicts (7)\n")
	return b.String(), nil
}

// roff escapes text: backslashes, hyphens, and what would be a request at the start of a line.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(strings.TrimRight(text, "\n"))
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
