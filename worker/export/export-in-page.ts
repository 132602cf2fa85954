import { Refused } from '../outcome.ts';
import type { ExportRequest } from '../protocol/export.ts';
import type { ExportResult, ExportTarget } from '../protocol/export.ts';
import { exportModel, type ExportableModel, type ExportRun } from './export-model.ts';
import type { ExportSink } from './export-sink.ts';
import { folderSink } from './folder-sink.ts';
import { zipSink } from './zip-sink.ts';

/** {@link exportModel} to a folder or a zip in the page. Loaded only when somebody exports. */
export const exportInPage = (
  model: ExportableModel,
  request: ExportRequest,
  run: ExportRun,
): Promise<ExportResult> => exportModel(model, request, run, sinkOf(request.to));

function sinkOf(target: ExportTarget): ExportSink {
  switch (target.to) {
    case 'zip':
      return zipSink;
    case 'folder':
      return folderSink(target.folder);
    case 'path':
      throw new Refused({ code: 'bad-request', field: 'to', reason: 'a page cannot write to a path' });
  }
}
