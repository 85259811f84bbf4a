use proptest::prelude::*;

use super::*;

fn places(passages: &[Passage]) -> Vec<(&str, usize, &str)> {
    passages.iter().map(|p| (p.heading.as_str(), p.line, p.text.as_str())).collect()
}

#[test]
fn markdown_is_cut_along_its_headings() {
    let text = "intro\n\n# A\nfirst\n## B\n\nsecond\nmore\n### C #\nthird\n## D\nfourth\n#no heading\n";
    assert_eq!(
        places(&split("x.md", text)),
        [
            ("", 1, "intro"),
            ("A", 4, "first"),
            ("A › B", 7, "second\nmore"),
            ("A › B › C", 10, "third"),
            ("A › D", 12, "fourth\n#no heading"),
        ]
    );
}

#[test]
fn what_looks_like_a_heading_in_code_is_none() {
    let passages = split("x.md", "# A\n```sh\n# a comment\n```\n# B\n~~~\n# c\n```\n~~~\nend\n");
    assert_eq!(places(&passages), [("A", 2, "```sh\n# a comment\n```"), ("B", 6, "~~~\n# c\n```\n~~~\nend")]);
}

#[test]
fn a_line_that_is_underlined_is_a_heading() {
    let text = "Title\n=====\n\nfirst\n\nPart *one*  \n---\nsecond\n### Below\nthird\n\nOther\n=\nfourth\n";
    assert_eq!(
        places(&split("x.md", text)),
        [
            ("Title", 4, "first"),
            ("Title › Part *one*", 7 + 1, "second"),
            ("Title › Part *one* › Below", 10, "third"),
            ("Other", 14, "fourth"),
        ]
    );
}

#[test]
fn a_rule_below_anything_else_makes_no_heading_of_it() {
    for text in [
        "---\ntitle: x\nauthor: y\n---\n",
        "- a\n---\n",
        "1. a\n---\n",
        "> a\n---\n",
        "a\n\n---\n",
        "a\nb\n---\n",
        "```\na\n---\n```\n",
        "    a\n    ---\n",
        "a\n-- -\n",
        "| a |\n|---|\n",
    ] {
        let passages = split("x.md", text);
        assert!(passages.iter().all(|passage| passage.heading.is_empty()), "{text:?}: {passages:?}");
        assert_eq!(split("x.txt", "Title\n===\nx\n")[0].heading, "");
    }
}

#[test]
fn what_says_that_code_begins_is_no_word_of_it() {
    let passage = split("x.md", "a\n```rust,ignore\nlet b;\n~~~\n```\n").remove(0);
    assert_eq!(passage.prose(), "a\nlet b;");
    assert_eq!(split("x.md", "a\nb\n").remove(0).prose(), "a\nb");
}

#[test]
fn tables_are_the_headings_of_toml_also_those_that_are_commented_out() {
    let text = "# Settings\nname = 1\n\n[a.b]\nx = [1]  # [not this]\n# [c]           # this one\n# y = 2\n[[d]]\nz = 3\n";
    assert_eq!(
        places(&split("x.toml", text)),
        [
            ("", 1, "# Settings\nname = 1"),
            ("a.b", 5, "x = [1]  # [not this]"),
            ("c", 7, "# y = 2"),
            ("d", 9, "z = 3"),
        ]
    );
}

#[test]
fn long_sections_are_cut_between_paragraphs() {
    let text = format!("# A\n{}\n\n{}\n", "word ".repeat(190), "other ".repeat(20));
    let passages = split("x.md", &text);
    let begins: Vec<_> = passages.iter().map(|p| (p.line, &p.text[..4])).collect();
    assert_eq!(begins, [(2, "word"), (4, "othe")]);
    assert_eq!(split("x.txt", "# no heading here\n")[0].heading, "");
}

#[test]
fn a_line_that_is_too_long_is_cut_between_words_or_within_one() {
    for line in ["giraffe ".repeat(1000), "ü".repeat(4000)] {
        let passages = split("x.md", &format!("# A\n{line}\nend\n"));
        assert!(passages.iter().all(|passage| passage.text.len() <= LONGEST + 1 && passage.line >= 2));
        let text: String = passages.iter().map(|passage| passage.text.replace([' ', '\n'], "")).collect();
        assert_eq!(text, format!("{}end", line.replace(' ', "")));
    }
}

proptest! {
    /// Whatever a document holds: no line is lost, and each passage stands where it says.
    #[test]
    fn each_passage_stands_where_it_says(lines in proptest::collection::vec("[ #`|~a-c\\[\\]]{0,40}|[a-c*]{1,3}|=|--|===", 0..60)) {
        let text = lines.join("\n");
        for file in ["x.md", "x.toml", "x.txt"] {
            let passages = split(file, &text);
            for passage in &passages {
                let count = passage.text.lines().count();
                let there = lines[passage.line - 1..passage.line - 1 + count].join("\n");
                prop_assert_eq!(there.trim_end(), &passage.text);
                prop_assert!(passage.text.len() <= LONGEST + 1);
            }
            let kept: usize = passages.iter().map(|p| p.text.lines().filter(|l| !l.trim().is_empty()).count()).sum();
            let all = lines.iter().filter(|line| !line.trim().is_empty()).count();
            prop_assert!(kept <= all);
            prop_assert!(file != "x.txt" || kept == all);
        }
    }
}
