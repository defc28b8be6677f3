// Package yamldoc has what all readers of YAML have to see to: aliases that
// stand for more than was meant, and the line that an error of the parser
// names. It knows nothing about what is in a document.
package yamldoc

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxAliased is how many nodes the aliases of one document may stand for.
const MaxAliased = 1000

// Aliases counts what the aliases of one document stand for: with aliases of
// aliases a small document can mean more than fits into memory. The zero value
// is ready for use.
type Aliases struct {
	nodes int
}

// Follow returns the node that n stands for, n itself if it is no alias, and
// nil once the aliases stand for more than MaxAliased nodes.
func (a *Aliases) Follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
		if a.nodes += size(n, MaxAliased); a.nodes > MaxAliased {
			return nil
		}
	}
	return n
}

// size counts n and the nodes below it, aliases followed, up to a limit.
func size(n *yaml.Node, limit int) int {
	total := 1
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for _, c := range n.Content {
		if total > limit {
			return total
		}
		total += size(c, limit-total)
	}
	return total
}

// SyntaxError takes the line, from 1, out of an error of the parser, and what
// is left of its message.
func SyntaxError(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		if digits, text, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(digits); err == nil && n > 0 {
				return n, text
			}
		}
	}
	return 1, message
}
