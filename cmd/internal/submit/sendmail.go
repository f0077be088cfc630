package submit

import (
	"fmt"
	"slices"
	"strings"
)

// The options of sendmail that stand in its getopt strings: of Sendmail 8.17, Postfix 3.7, Exim
// 4.96, OpenSMTPD 6.8 and msmtp 1.8. An option that was taken for one without a value, or the other
// way round, would make a recipient of a value, or lose one.
const (
	withoutValue = "GUcimnsvx"    // nothing to do here: what they ask for is so, or has no meaning
	withValue    = "ABCDLNORVXep" // nothing to do here; their value is attached, or the next word
	attached     = "dq"           // with a value that is attached or missing
	elsewhere    = "IMQ"          // not to hand in a message: refused
)

// SendmailArgs rewrites the arguments that programs give to sendmail: bundled options with one
// hyphen become flags of dnseal submit, or go. Everything else is left as it is; so are unknown
// options. With hops -h is an option with a number, as of sendmail; else it is left.
//
// Errors name an option that asks for something else than to hand in a message: what would be
// ignored there would lose the message.
func SendmailArgs(args []string, hops bool) (out []string, err error) {
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "--":
			return append(append(out, word), args...), nil
		case len(word) < 2 || word[0] != '-' || word[1] == '-', word == "-h" && !hops:
			out = append(out, word)
			continue
		}
		var flags []string
		if flags, args, err = bundle(word, args, hops); err != nil {
			return nil, err
		}
		out = append(out, flags...)
	}
	return out, nil
}

// bundle reads one word of options, and takes the values of them from the words behind it.
func bundle(word string, rest []string, hops bool) (flags, after []string, err error) {
	for i := 1; i < len(word); i++ {
		option, value := word[i], word[i+1:]
		switch {
		case option == 't':
			flags = append(flags, "--from-header")
			continue
		case strings.IndexByte(withoutValue, option) >= 0:
			continue
		case strings.IndexByte(elsewhere, option) >= 0:
			return nil, nil, notHere("-" + word[i:])
		case strings.IndexByte(attached, option) >= 0:
			if option == 'q' {
				flags = append(flags, "--flush")
			}
			return flags, rest, nil
		case strings.IndexByte("bfhoFr"+withValue, option) < 0, option == 'h' && !hops:
			return append(flags, "-"+word[i:]), rest, nil
		}
		if value == "" && len(rest) > 0 && takes(option, rest[0]) {
			value, rest = rest[0], rest[1:]
		}
		flag, err := translated(option, value)
		return append(flags, flag...), rest, err
	}
	return flags, rest, nil
}

// takes reports whether the next word is the value of an option. Exim's -N has none; a word that is
// no notification of Postfix's is a recipient.
func takes(option byte, next string) bool {
	lower := strings.ToLower(next)
	switch option {
	case 'N':
		return !slices.ContainsFunc(strings.Split(lower, ","), func(w string) bool {
			return !slices.Contains([]string{"never", "success", "failure", "delay"}, strings.TrimSpace(w))
		})
	case 'R':
		return lower == "hdrs" || lower == "full"
	case 'B':
		return lower == "7bit" || lower == "8bitmime" || lower == "binarymime"
	}
	return true
}

// translated is the flag that an option with a value becomes.
func translated(option byte, value string) ([]string, error) {
	switch option {
	case 'f', 'r':
		return []string{"--sender=" + value}, nil
	case 'F':
		return []string{"--full-name=" + value}, nil
	case 'b':
		if value != "m" {
			return nil, notHere("-b" + value)
		}
	case 'h':
		if value == "" || strings.Trim(value, "0123456789") != "" {
			return nil, fmt.Errorf("submit: -h of sendmail wants a number of hops, not %q; --help has the help", value)
		}
	case 'o', 'O': // -odq, -odd, -O DeliveryMode=queue: only into the queue
		mode, long := strings.CutPrefix(value, "DeliveryMode=")
		if !long {
			mode = strings.TrimPrefix(value, "d")
		}
		if (long || mode != value) && (strings.HasPrefix(mode, "q") || strings.HasPrefix(mode, "d")) {
			return []string{"--sendmail-queue"}, nil
		}
	case 'X':
		if strings.HasPrefix(value, "V") {
			return nil, notHere("-XV")
		}
	}
	return nil, nil
}

func notHere(option string) error {
	return fmt.Errorf("submit: %s of sendmail is not here: it hands in a message (-bm), or what is in the spool (-q)", option)
}
