package mailbox

import "strings"

// isDate reports whether the words are a date as writers of mbox files write it, to the last word.
// asctime says that it is in the form of RFC 4155, Appendix A, or one like it.
func isDate(words []string) (asctime, ok bool) {
	// A UUCP system adds where the message came from.
	if n := len(words); n > 3 && words[n-3] == "remote" && words[n-2] == "from" {
		words = words[:n-3]
	}
	switch {
	case len(words) > 9:
		return false, false
	case len(words) >= 5 && isName(words[0], weekdays) && isName(words[1], months) && isDay(words[2]) && isClock(words[3]):
		return true, isYearAndZone(words[4:])
	}
	// RFC 5322, Section 3.3.
	if len(words) > 1 && isName(strings.TrimSuffix(words[0], ","), weekdays) {
		words = words[1:]
	}
	if len(words) >= 4 && isDay(words[0]) && isName(words[1], months) && isYear(words[2]) && isClock(words[3]) {
		return false, areZones(words[4:])
	}
	return false, isISO(words)
}

const (
	weekdays = "MonTueWedThuFriSatSun"
	months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// isName reports whether s is one of the names, which have three letters each.
func isName(s, names string) bool {
	i := strings.Index(names, s)
	return len(s) == 3 && i >= 0 && i%3 == 0
}

// isYearAndZone reports whether the words are a year, with a zone before or after it or without.
func isYearAndZone(words []string) bool {
	for i, w := range words[:min(len(words), 3)] {
		if isYear(w) {
			return areZones(words[:i]) && areZones(words[i+1:])
		}
	}
	return false
}

// areZones reports whether the words, at most two, are names or offsets of zones: "+0100 (CET)".
func areZones(words []string) bool {
	for _, w := range words {
		w = strings.TrimSuffix(strings.TrimPrefix(w, "("), ")")
		if offset := strings.TrimLeft(w, "+-"); len(w)-len(offset) == 1 && isDigits(strings.ReplaceAll(offset, ":", ""), 4, 4) {
			continue
		}
		if len(w) > 5 || strings.Trim(w, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return false
		}
	}
	return len(words) <= 2
}

func isDay(s string) bool { return isDigits(strings.TrimSuffix(s, ","), 1, 2) }

func isYear(s string) bool { return isDigits(s, 4, 4) && s >= "1900" }

// isClock reports whether s is hh:mm or hh:mm:ss.
func isClock(s string) bool {
	h, rest, ok := strings.Cut(s, ":")
	m, sec, seconds := strings.Cut(rest, ":")
	return ok && isDigits(h, 1, 2) && isDigits(m, 2, 2) && (!seconds || isDigits(sec, 2, 2))
}

// isISO reports whether the words are a date and a time of RFC 3339, with a zone or without.
func isISO(words []string) bool {
	date, clock, joined := strings.Cut(words[0], "T")
	if !joined {
		if len(words) < 2 {
			return false
		}
		words, clock = words[1:], words[1]
	}
	if i := strings.IndexAny(clock, "Z+.-"); i > 0 {
		clock = clock[:i]
	}
	return len(date) == 10 && date[4] == '-' && date[7] == '-' && isDigits(date[:4]+date[5:7]+date[8:], 8, 8) && isClock(clock) && areZones(words[1:])
}

func isDigits(s string, from, to int) bool {
	if len(s) < from || len(s) > to {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
