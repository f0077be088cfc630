package check

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
)

// printMilters prints the lines to paste into the MTA's configuration. Verifying comes before
// signing: what is signed here needs no verifying here. Another DKIM signer comes after the signing
// milter, because dnseal changes the body; where dnseal signs by DKIM itself none is needed.
func printMilters(out io.Writer, milters []config.Milter, dkim bool) {
	sorted := slices.Clone(milters)
	// "verify" first
	slices.SortStableFunc(sorted, func(a, b config.Milter) int { return strings.Compare(b.Role, a.Role) })
	cli.Print(out, "\n# Postfix (a chroot sees unix sockets below /var/spool/postfix)")
	if list := postfixList(sorted, config.RoleVerify, "accept"); list != "" {
		cli.Print(out, "# main.cf, for mail from outside; before OpenDKIM's verifier or after it")
		cli.Print(out, "smtpd_milters = %s", list)
	}
	cli.Print(out, "milter_protocol = 6")
	if list := postfixList(sorted, config.RoleSign, "tempfail"); list != "" {
		cli.Print(out, "# master.cf, below submission and smtps; %s", map[bool]string{false: "before a DKIM signer", true: "the last milter: it signs by DKIM too"}[dkim])
		cli.Print(out, "  -o smtpd_milters=%s", list)
	}
	printSendmail(out, sorted)
}

// postfixList is the value of smtpd_milters for the listeners of a role, without the spaces that
// master.cf does not accept.
func postfixList(milters []config.Milter, role, action string) string {
	var list []string
	for _, m := range milters {
		if a, err := m.Address(); err == nil && m.Role == role {
			list = append(list, "{"+a.String()+",default_action="+action+"}")
		}
	}
	return strings.Join(list, ",")
}

// printSendmail prints the lines for sendmail.mc; no two filters there may have one name.
func printSendmail(out io.Writer, milters []config.Milter) {
	cli.Print(out, "\n# Sendmail, sendmail.mc:")
	count := map[string]int{}
	for _, m := range milters {
		a, err := m.Address()
		if err != nil {
			continue
		}
		flag := "" // mail passes when the milter does not run
		if m.Role == config.RoleSign {
			flag = ", F=T" // it waits
		}
		name := "dnseal-" + m.Role
		if count[m.Role]++; count[m.Role] > 1 {
			name += "-" + strconv.Itoa(count[m.Role])
		}
		cli.Print(out, "INPUT_MAIL_FILTER(`%s', `S=%s%s, T=S:4m;R:4m')dnl", name, a.Sendmail(), flag)
	}
	cli.Print(out, "define(`confMILTER_MACROS_ENVFROM', confMILTER_MACROS_ENVFROM``, {auth_authen}, {auth_type}, {client_addr}, {daemon_name}'')dnl")
}
