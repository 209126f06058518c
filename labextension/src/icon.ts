import { LabIcon } from '@jupyterlab/ui-components';

// A cell with the curve of its result.
const MARK = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M4 3h16a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zm1 2v14h14V5z"/>
    <path d="M7.4 16.9a1 1 0 0 1-.3-1.4l2.6-4a1 1 0 0 1 1.5-.2l1.9 1.7 2.6-4.6a1 1 0 0 1 1.8 1l-3.2 5.7a1 1 0 0 1-1.5.2l-1.9-1.6-2.1 3.1a1 1 0 0 1-1.4.1z"/>
  </g>
</svg>`;

const TRACK = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zm0 2a6 6 0 1 0 0 12 6 6 0 0 0 0-12z"/>
    <circle cx="12" cy="12" r="3.4"/>
  </g>
</svg>`;

export const runsIcon = new LabIcon({ name: 'mlops-nb:runs', svgstr: MARK });
export const trackIcon = new LabIcon({ name: 'mlops-nb:track', svgstr: TRACK });
