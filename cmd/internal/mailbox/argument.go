package mailbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"dnseal/cmd/internal/cli"
)

// WalkArgument is [Walk] for an argument of a command: "-" is standard input, and errors say what
// to do.
func WalkArgument(arg string, stdin io.Reader, each func(Message) error) error {
	if arg == "-" {
		return WalkReader(stdin, "-", each)
	}
	err := Walk(arg, each)
	switch {
	case errors.Is(err, ErrNoMail) && isFile(arg):
		return cli.Hint(fmt.Errorf("%s holds no saved mail: no files such as *.eml", arg), "name the message itself")
	case errors.Is(err, ErrNoMail):
		return cli.Hint(fmt.Errorf("%s holds no saved mail: neither a Maildir nor files such as *.eml", arg), "name the messages themselves: %s/*", arg)
	case errors.Is(err, ErrNoSuchMessage):
		_, what, _ := strings.Cut(err.Error(), ": ")
		_, what, _ = strings.Cut(what, ": ")
		return fmt.Errorf("there is no %s: %s", arg, what)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist", arg)
	}
	return err
}

// isFile reports whether arg is a file, such as an archive, and no folder.
func isFile(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && !info.IsDir()
}
