// Package safetexttest holds what proves that output is safe: a corpus of
// sequences that act on a terminal or in the log of a CI system, and a scanner that finds them. It knows
// the rules of package safetext by itself, so that the two check each other.
package safetexttest

// An Attack is text that does something to a terminal or a CI system, or hides
// from its reader.
type Attack struct{ Name, Text string }

// Attacks returns the corpus: 64 sequences, each with a name of its own.
func Attacks() []Attack {
	return []Attack{
		// Operating system commands: titles, links, clipboard, questions.
		{"osc-title-bel", "\x1b]0;owned\x07"},
		{"osc-title-st", "\x1b]2;owned\x1b\\"},
		{"osc-icon-name", "\x1b]1;owned\x07"},
		{"osc-palette-query", "\x1b]4;1;?\x07"},
		{"osc-working-directory", "\x1b]7;file://evil.example/\x07"},
		{"osc-hyperlink", "\x1b]8;;http://evil.example/\x07click\x1b]8;;\x07"},
		{"osc-notification", "\x1b]9;pay now\x07"},
		{"osc-foreground-query", "\x1b]10;?\x07"},
		{"osc-background-query", "\x1b]11;?\x1b\\"},
		{"osc-font-query", "\x1b]50;?\x07"},
		{"osc-clipboard-write", "\x1b]52;c;cm0gLXJmIH4K\x07"},
		{"osc-clipboard-read", "\x1b]52;c;?\x07"},
		{"osc-prompt-mark", "\x1b]133;A\x07"},
		{"osc-iterm-file", "\x1b]1337;File=name=YQ==;inline=1:YQ==\x07"},
		{"osc-unterminated", "\x1b]0;swallow everything"},
		// Control sequences: cursor, screen, modes, questions.
		{"csi-clear-screen", "\x1b[2J\x1b[H"},
		{"csi-clear-scrollback", "\x1b[3J"},
		{"csi-cursor-up-and-erase", "\x1b[5A\x1b[2K✓ verified"},
		{"csi-cursor-position", "\x1b[1;1H"},
		{"csi-colour", "\x1b[32;1;7m✓ verified\x1b[0m"},
		{"csi-conceal", "\x1b[8mnot seen"},
		{"csi-blink", "\x1b[5m"},
		{"csi-true-colour", "\x1b[38;2;0;0;0m"},
		{"csi-cursor-report", "\x1b[6n"},
		{"csi-device-attributes", "\x1b[c\x1b[>c"},
		{"csi-terminal-version", "\x1b[>0q"},
		{"csi-title-report", "\x1b[21t"},
		{"csi-resize", "\x1b[8;1;1t"},
		{"csi-other-screen", "\x1b[?1049h"},
		{"csi-hide-cursor", "\x1b[?25l"},
		{"csi-mouse-reports", "\x1b[?1003h"},
		{"csi-end-of-paste", "\x1b[201~rm -rf ~\n"},
		{"csi-scroll-region", "\x1b[1;2r"},
		{"csi-media-copy", "\x1b[5i"},
		{"csi-repeat", "a\x1b[1000000b"},
		// Device control strings and their relatives.
		{"dcs-setting-report", "\x1bP$qm\x1b\\"},
		{"dcs-sixel", "\x1bPq#0;2;0;0;0#0~\x1b\\"},
		{"dcs-tmux-passthrough", "\x1bPtmux;\x1b\x1b]0;owned\x07\x1b\\"},
		{"apc-kitty-graphics", "\x1b_Gf=24,s=1,v=1;AAAA\x1b\\"},
		{"pm-and-sos", "\x1b^owned\x1b\\\x1bXowned\x1b\\"},
		// Plain escapes and single control characters.
		{"esc-reset", "\x1bc"},
		{"esc-line-drawing", "\x1b(0lqk"},
		{"esc-alone-at-the-end", "\x1b"},
		{"carriage-return-overprint", "invalid\r✓ verified"},
		{"backspace-overprint", "no\b\byes"},
		{"bell-and-nul", "\x07\x00"},
		{"shift-out", "\x0etext\x0f"},
		{"vertical-tab-and-form-feed", "\x0b\x0c"},
		{"delete", "\x7f"},
		// The same in 8 bits.
		{"c1-csi", "\u009b2J"},
		{"c1-csi-raw", "\x9b2J"},
		{"c1-osc", "\u009d0;owned\u009c\u0085"},
		{"c1-dcs-raw", "\x90$qm\x9c"},
		// Text that is not what it looks like.
		{"bidi-override", "invoice\u202efdp.exe"},
		{"bidi-isolate", "\u2067\u2066admin\u2069 \u061c\u200e\u200f"},
		{"invisible", "pay\u200bpal\u2060\ufeff\u2063"},
		{"joiner-between-letters", "a\u200db\u200cc"},
		{"line-separators", "a\u2028b\u2029c"},
		{"tags", "hi\U000e0001\U000e0068\U000e0069\U000e007f"},
		{"broken-utf8", "\xc0\x9b\xed\xa0\x80\xf4\x90\x80\x80\uffff\u0378"},
		// What CI systems obey in a log.
		{"github-command", "line\n \u00a0::set-output name=version::1\nline"},
		{"github-command-anywhere", "a ##[add-mask]e"},
		{"azure-command", "a ##vso[task.setvariable variable=PATH]/tmp/evil"},
		{"teamcity-command", "##teamcity[buildStop comment='owned']"},
	}
}
