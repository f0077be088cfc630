//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"fmt"
	"log/slog"

	gomilter "github.com/d--j/go-milter"
)

// wantActions is what an Edit or a quarantine can need.
const wantActions = gomilter.OptAddHeader | gomilter.OptChangeHeader | gomilter.OptChangeBody | gomilter.OptQuarantine

// wantProtocol declines events that carry nothing new, and replies before the end of the message,
// where everything is decided: a message then needs one round trip. Skip is for MTAs that require a
// reply to each piece of body.
const wantProtocol = gomilter.OptNoUnknown | gomilter.OptNoData | gomilter.OptNoEOH |
	gomilter.OptNoConnReply | gomilter.OptNoHeloReply | gomilter.OptNoMailReply | gomilter.OptNoRcptReply |
	gomilter.OptNoHeaderReply | gomilter.OptNoBodyReply | gomilter.OptNoDataReply | gomilter.OptNoEOHReply |
	gomilter.OptSkip | gomilter.OptHeaderLeadingSpace

// conn has logged the cause of each warning of the library, or it is legitimate.
func init() {
	gomilter.LogWarning = func(format string, args ...any) {
		slog.Debug(fmt.Sprintf("milter: library: "+format, args...))
	}
}

// libraryOptions configures the library. Macros are requested by stage, because Sendmail sends no
// others.
func libraryOptions() []gomilter.Option {
	return []gomilter.Option{
		gomilter.WithActions(wantActions),
		gomilter.WithProtocols(wantProtocol),
		gomilter.WithMacroRequest(gomilter.StageConnect, []gomilter.MacroName{gomilter.MacroMTAFQDN, gomilter.MacroDaemonName, gomilter.MacroClientAddr}),
		gomilter.WithMacroRequest(gomilter.StageMail, []gomilter.MacroName{gomilter.MacroQueueId, gomilter.MacroAuthType, gomilter.MacroAuthAuthen}),
		gomilter.WithMacroRequest(gomilter.StageEOM, []gomilter.MacroName{gomilter.MacroQueueId}),
		gomilter.WithNegotiationCallback(negotiate),
	}
}

// negotiate agrees on what both sides support. An MTA that offers less is served too: a message
// that needs a missing action is deferred.
//
// The data size stays at 64 KiB, whatever the MTA offers, because every MTA accepts that.
func negotiate(mtaVersion, version uint32, mtaActions, actions gomilter.OptAction, mtaProtocol, protocol gomilter.OptProtocol, _ gomilter.DataSize) (uint32, gomilter.OptAction, gomilter.OptProtocol, gomilter.DataSize, error) {
	if mtaVersion < 2 {
		return 0, 0, 0, 0, fmt.Errorf("milter: protocol version %d is too old", mtaVersion)
	}
	return min(mtaVersion, version), mtaActions & actions, mtaProtocol & protocol, gomilter.DataSize64K, nil
}
