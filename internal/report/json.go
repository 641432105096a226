package report

import (
	"encoding/json"
	"io"

	"pausetest/internal/analysis"
)

// JSON writes result.json. Its schema is docs/result.schema.json.
func JSON(w io.Writer, s *analysis.Study) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(s.Result)
}
