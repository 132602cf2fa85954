"""Condenses reference-<variant>.json to what tests compare: tests/fixtures/laboratory/reference.json.

usage: fixture.py REFERENCE_FOLDER > tests/fixtures/laboratory/reference.json
A request is [log-likelihood in float64, greedy, smallest margin of the two likeliest, tokens cut, scored tokens];
a rolling one is [log-likelihood in float64, tokens, windows]."""
import json, os, sys

folder = sys.argv[1]
METRICS = ('acc', 'acc_norm', 'acc_bytes', 'brier_score', 'perplexity')
out = {}
for variant in ('default', 'max256', 'no-bos'):
    reference = json.load(open(os.path.join(folder, f'reference-{variant}.json'), encoding='utf8'))
    tasks = {}
    for name, task in reference['tasks'].items():
        items = []
        for item in task['items']:
            requests = []
            for r in item['requests']:
                nats = round(r['loglikelihood_f64'], 6)
                if 'windows' in r:
                    requests.append([nats, r['tokens'], len(r['windows'])])
                    continue
                k = r['continuation_tokens']
                requests.append([nats, r['greedy'], round(r['smallest_margin_f64'], 6), r['cut_left'], k if isinstance(k, int) else len(k)])
            items.append(requests)
        tasks[name] = {'results': task['results'], 'items': items}
    out[variant] = {'max_length': reference['max_length'], 'tasks': tasks}
json.dump(out, sys.stdout, ensure_ascii=False, separators=(',', ':'))
