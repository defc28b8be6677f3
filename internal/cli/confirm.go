package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Confirm asks the person at the terminal a question, as in "delete 5
// deliveries", and says what the answer was; everything but y or yes is no.
// Where nobody can be asked, asked is false and nothing happens.
func (e *Env) Confirm(question string) (yes, asked bool, err error) {
	if !e.InTerminal || !e.ErrTerminal || e.Global.WantsJSON() {
		return false, false, nil
	}
	if _, err := fmt.Fprintf(e.Err, "%s? [y/N] ", question); err != nil {
		return false, true, Failed(fmt.Errorf("ask: %w", err))
	}
	line, err := bufio.NewReader(e.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, true, Failed(fmt.Errorf("read the answer: %w", err))
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", true, nil
}
