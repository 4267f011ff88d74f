//! Stand-ins for GitHub's actions that hand files from job to job, which need Node and GitHub's servers, and for `gh`. Artifacts,
//! caches and the branch for data are folders of the test, in `E2E_STORE`.

use std::fs;
use std::path::Path;

use crate::act::Act;
use crate::repo::program;

/// Keeps the files of a folder under a new number, and under the run and the name.
const UPLOAD: &str = r#"
name: upload-artifact
description: keeps files
inputs:
  name: { description: a name, required: true }
  path: { description: a folder, required: true }
  if-no-files-found: { description: an empty folder is always an error, default: error }
  retention-days: { description: not used, default: "1" }
outputs:
  artifact-id: { description: its number, value: "${{ steps.keep.outputs.artifact-id }}" }
runs:
  using: composite
  steps:
    - id: keep
      shell: bash
      env:
        NAME: ${{ inputs.name }}
        FOLDER: ${{ inputs.path }}
      run: |
        set -eu
        id=1
        until mkdir "$E2E_STORE/artifact-$id" 2>/dev/null; do id=$((id + 1)); done
        cp -R "$FOLDER/." "$E2E_STORE/artifact-$id/"
        mkdir -p "$E2E_STORE/run-$GITHUB_RUN_ID"
        ln -sfn "../artifact-$id" "$E2E_STORE/run-$GITHUB_RUN_ID/$NAME"
        echo "artifact-id=$id" >>"$GITHUB_OUTPUT"
"#;

/// Copies one artifact by its number, or those of a run whose names a pattern matches, each into a folder of its name.
const DOWNLOAD: &str = r#"
name: download-artifact
description: copies what upload-artifact kept
inputs:
  artifact-ids: { description: one number }
  pattern: { description: pattern of the names }
  path: { description: a folder, required: true }
  run-id: { description: the run; by default this one, default: "${{ github.run_id }}" }
  github-token: { description: not used }
runs:
  using: composite
  steps:
    - shell: bash
      env:
        ID: ${{ inputs.artifact-ids }}
        PATTERN: ${{ inputs.pattern }}
        FOLDER: ${{ inputs.path }}
        RUN: ${{ inputs.run-id }}
      run: |
        set -eu
        mkdir -p "$FOLDER"
        if [ -n "$ID" ]; then
            cp -R "$E2E_STORE/artifact-$ID/." "$FOLDER/"
            exit
        fi
        for artifact in "$E2E_STORE/run-$RUN"/$PATTERN; do
            [ ! -e "$artifact" ] || cp -RL "$artifact" "$FOLDER/"
        done
"#;

const RESTORE: &str = r#"
name: restore
description: copies what save kept
inputs:
  path: { description: a file, required: true }
  key: { description: the key, required: true }
  lookup-only: { description: copy nothing, default: "false" }
outputs:
  cache-hit: { description: whether there is such a key, value: "${{ steps.look.outputs.cache-hit }}" }
runs:
  using: composite
  steps:
    - id: look
      shell: bash
      env:
        FILE: ${{ inputs.path }}
        KEY: ${{ inputs.key }}
        LOOKUP: ${{ inputs.lookup-only }}
      run: |
        set -eu
        [ -e "$E2E_STORE/cache-$KEY" ] || exit 0
        echo "cache-hit=true" >>"$GITHUB_OUTPUT"
        [ "$LOOKUP" = true ] || cp "$E2E_STORE/cache-$KEY" "$FILE"
"#;

const SAVE: &str = r#"
name: save
description: keeps a file
inputs:
  path: { description: a file, required: true }
  key: { description: the key, required: true }
runs:
  using: composite
  steps:
    - shell: bash
      env:
        FILE: ${{ inputs.path }}
        KEY: ${{ inputs.key }}
      run: cp "$FILE" "$E2E_STORE/cache-$KEY"
"#;

/// `gh api` on the contents of a repository, as far as the workflows use it.
const GH: &str = r#"#!/usr/bin/env bash
set -eu
[ "$1" = api ] && [ -n "$GH_TOKEN" ]
shift
method=GET silent=
while (($#)); do
    case $1 in
    --silent) silent=1 ;;
    --method) method=$2 && shift ;;
    --header | --input) shift ;;
    repos/*/contents/*) path=${1#*/contents/} ;;
    *) echo "gh: $1 is not known here" >&2 && exit 2 ;;
    esac
    shift
done
file="$E2E_STORE/contents-${path%%\?*}"
case $method in
GET)
    [ -e "$file" ] || { echo '{"message":"Not Found"}' && exit 1; }
    [ -n "$silent" ] || cat "$file"
    ;;
PUT)
    body=$(cat)
    # GitHub wants the id of the file that is replaced.
    [ ! -e "$file" ] || [ "$(jq -r .sha <<<"$body")" = "$(git hash-object "$file")" ]
    jq -r .content <<<"$body" | base64 --decode >"$file"
    jq -r '"\(.branch): \(.message)"' <<<"$body" >>"$E2E_STORE/contents.log"
    ;;
esac
"#;

/// Replaces the actions that a workflow uses.
pub fn add<'a>(mut act: Act<'a>, workflow: &str, folder: &Path) -> Act<'a> {
    for (name, path, text) in [
        ("actions/upload-artifact@", "upload/action.yml", UPLOAD),
        ("actions/download-artifact@", "download/action.yml", DOWNLOAD),
        ("actions/cache/restore@", "cache/restore/action.yml", RESTORE),
        ("actions/cache/save@", "cache/save/action.yml", SAVE),
    ] {
        let Some(used) = workflow.split_whitespace().find(|word| word.starts_with(name)) else { continue };
        let file = folder.join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("make a folder");
        fs::write(&file, text).expect("write an action");
        let (top, _) = path.split_once('/').expect("a folder");
        // Both actions for caches are in one repository.
        let repository = used.replace("/restore@", "@").replace("/save@", "@");
        act = act.action(&repository, &folder.join(top));
    }
    let store = folder.join("store");
    fs::create_dir_all(&store).expect("make a folder");
    act.env("E2E_STORE", &store.display().to_string())
}

/// Writes the programs of the stand-ins into a folder of programs.
pub fn write_programs(folder: &Path) {
    program(&folder.join("gh"), GH);
}
