package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/relay/nexthop"
)

// maxPassword is the most octets of a password: a line of SASL PLAIN must be taken by every server.
const maxPassword = 255

// checkHopLogin checks the login at next hops: it is whole, and the password goes nowhere in clear
// unless that is asked for.
func (r *Relay) checkHopLogin(n *notes, key string) {
	switch {
	case r.NextHopUser == "" && r.NextHopPasswordFile != "":
		n.wrong(key+".next-hop-password-file", "next-hop-password-file needs next-hop-user, the name to log in under")
	case r.NextHopUser == "" && r.NextHopLoginInClear:
		n.wrong(key+".next-hop-login-in-clear", "next-hop-login-in-clear: there is no login; write next-hop-user and next-hop-password-file")
	case r.NextHopUser != "" && r.NextHopPasswordFile == "":
		n.wrong(key+".next-hop-user", "next-hop-user needs next-hop-password-file, a file whose first line is the password")
	case len(r.NextHopUser) > maxPassword || strings.ContainsFunc(r.NextHopUser, isControl):
		n.wrong(key+".next-hop-user", "next-hop-user is longer than %d bytes, or has a control character in it", maxPassword)
	case r.NextHopUser != "" && r.NextHopTLS == string(nexthop.TLSNone) && !r.NextHopLoginInClear:
		for _, s := range r.NextHop {
			if hop, err := nexthop.Parse(s); err == nil && !hop.Local() && !hop.Implicit {
				n.wrong(key+".next-hop-tls", "next-hop-tls is \"none\", and the password would go to %s in clear; write \"verify\" or \"dane\", or next-hop-login-in-clear = true", hop)
			}
		}
	}
}

// unreadable is about a file with a secret that this process may not read.
func unreadable(file string) string {
	return fmt.Sprintf("the file %s cannot be read; the user that dnseal runs as must read it: chgrp GROUP %s && chmod 640 %s", file, file, file)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// password reads the first line of a file that others cannot read; empty after a mistake, which
// never shows the line.
func (n *notes) password(key, file string) nexthop.Secret {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		n.wrong(key, "the file %s does not exist; write the password into it, and chmod 600 %s", file, file)
		return ""
	case err == nil && !info.Mode().IsRegular(): // a named pipe would be waited for
		n.wrong(key, "%s is no regular file; name a file whose first line is the password", file)
		return ""
	case err == nil && info.Mode().Perm()&0o027 != 0:
		n.wrong(key, "the file %s can be read or changed by others (mode %04o); chmod 600 %s", file, info.Mode().Perm(), file)
	}
	text, err := cli.ReadFile(file, maxFile)
	if errors.Is(err, fs.ErrPermission) {
		n.wrong(key, "%s", unreadable(file))
		return ""
	}
	if err != nil {
		n.wrong(key, "%s", strip(err))
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" || len(line) > maxPassword || strings.ContainsFunc(line, isControl) {
		n.wrong(key, "the first line of %s is no password: it is empty, longer than %d bytes, or has a control character in it", file, maxPassword)
		return ""
	}
	return nexthop.Secret(line)
}
